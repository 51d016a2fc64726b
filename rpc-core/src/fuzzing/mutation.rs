//! Datagrams that are bent: as a fuzzer gives them, or with a few fields changed and the checksum made right.

use super::input::Input;
use crate::wire::{HEADER_LENGTH, integrity};

/// A datagram that the input contains. The first byte says what is put right: the session and the checksum.
pub(super) fn given(input: &mut Input<'_>, session: u64) -> Vec<u8> {
    let how = input.u8();
    let length = usize::from(input.u16());
    let mut out = input.bytes(length).to_vec();
    if how & 1 != 0 && out.len() >= HEADER_LENGTH {
        out[4..HEADER_LENGTH].copy_from_slice(&session.to_be_bytes());
    }
    if how & 4 != 0 {
        // The padding of a handshake.
        out.resize(out.len().max(1200 - integrity::LENGTH), 0);
    }
    if how & 2 != 0 {
        integrity::seal(&mut out, 0);
    }
    out
}

/// A datagram with up to four fields changed, or its end, and with the right checksum as a rule.
pub(super) fn bent(input: &mut Input<'_>, datagram: &[u8]) -> Vec<u8> {
    let mut out = datagram[..datagram.len().saturating_sub(integrity::LENGTH)].to_vec();
    let how = input.u8();
    for _ in 0..=how & 3 {
        let at = usize::from(input.u8());
        let width = input.pick(&[1, 2, 4, 8]);
        let value = input.number().to_be_bytes();
        if let Some(field) = out.get_mut(at..at + width) {
            field.copy_from_slice(&value[8 - width..]);
        }
    }
    match how >> 2 & 7 {
        0 => out.truncate(usize::from(input.u16())),
        1 => out.extend_from_slice(input.bytes(8)),
        2 => out.extend_from_within(HEADER_LENGTH.min(out.len())..),
        _ => {}
    }
    if how & 0xC0 == 0xC0 {
        out.extend_from_slice(&[0; integrity::LENGTH]);
    } else {
        integrity::seal(&mut out, 0);
    }
    out
}
