//! Sizes of messages: a number of bytes, or text with a binary unit.

use quote::ToTokens;
use syn::{Lit, Meta};

use super::literal;
use crate::diagnostics::Diagnostics;

/// The largest message of all, which no setting of a client or a server exceeds either.
const LARGEST: u64 = 1 << 30;

const UNITS: [(&str, u64); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// The value of an option of the form `name = size`, in bytes.
pub(super) fn size(meta: &Meta, diagnostics: &mut Diagnostics) -> Option<u32> {
    let literal = literal(meta);
    let bytes = match literal {
        // What has more than 64 bits is too large as well.
        Some(Lit::Int(number)) if ["", "usize"].contains(&number.suffix()) => {
            Some(number.base10_parse().unwrap_or(u64::MAX))
        }
        Some(Lit::Str(text)) => from_text(&text.value()),
        _ => None,
    };
    let message = match bytes {
        Some(bytes @ 1..=LARGEST) => return u32::try_from(bytes).ok(),
        Some(0) => "a limit of zero bytes would fail every call".to_owned(),
        Some(_) => "no message is larger than 1 GiB".to_owned(),
        None => {
            let name = meta.path().to_token_stream();
            format!(
                "write `{name} = N` with a number of bytes, or with KiB, MiB or GiB, for example \
                 `{name} = \"64 KiB\"`"
            )
        }
    };
    let place = literal.map_or_else(|| meta.to_token_stream(), ToTokens::to_token_stream);
    diagnostics.report(place, message);
    None
}

/// `64KiB` or `64 KiB`.
fn from_text(text: &str) -> Option<u64> {
    let (unit, factor) = UNITS.into_iter().find(|(unit, _)| text.ends_with(unit))?;
    let digits = text.strip_suffix(unit)?.trim_end_matches(' ');
    // `parse` would accept a sign.
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().unwrap_or(u64::MAX);
    Some(count.saturating_mul(factor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_a_whole_number_of_binary_units() {
        for (text, bytes) in [
            ("1KiB", 1024),
            ("64 KiB", 65_536),
            ("16MiB", 16 << 20),
            ("1 GiB", 1 << 30),
            ("0 MiB", 0),
            ("99999999999999999999 KiB", u64::MAX),
        ] {
            assert_eq!(from_text(text), Some(bytes), "{text}");
        }
        for text in [
            "", "64", "KiB", "64 kB", "64 KB", "64 kib", "1.5 MiB", "-1 KiB", "+1 KiB", "1 KiB ",
            "1_0 KiB",
        ] {
            assert_eq!(from_text(text), None, "{text}");
        }
    }
}
