//! What was wrong with the bytes, and where; and with a value that has no bytes.

use core::fmt::{self, Write as _};

/// Why a value could not be encoded. It displays as the reason.
///
/// The types of this crate can always be encoded. Types of your own can refuse by
/// [`Writer::fail`](super::Writer::fail).
#[derive(Clone, PartialEq, Eq)]
pub struct EncodeError(Box<str>);

impl EncodeError {
    /// The reason is cut to [`LONGEST_TEXT`] bytes.
    #[cold]
    pub(super) fn new(reason: impl fmt::Display) -> Self {
        Self(short_text(reason).into_boxed_str())
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EncodeError").field(&self.0).finish()
    }
}

impl core::error::Error for EncodeError {}

/// The longest text of others that an error keeps, in bytes.
const LONGEST_TEXT: usize = 512;

/// What somebody else has to say, cut to [`LONGEST_TEXT`]. A `Display` that fails says less.
fn short_text(text: impl fmt::Display) -> String {
    struct Short(String);

    impl fmt::Write for Short {
        fn write_str(&mut self, part: &str) -> fmt::Result {
            let room = LONGEST_TEXT - self.0.len();
            self.0.push_str(&part[..part.floor_char_boundary(room)]);
            if part.len() > room { Err(fmt::Error) } else { Ok(()) }
        }
    }

    let mut short = Short(String::new());
    // An error says that the text is longer, or that its own `Display` gave up.
    let _ = write!(short, "{text}");
    short.0
}

/// Why bytes could not be decoded, and where in the message.
///
/// One pointer wide, so that `Result<T, DecodeError>` costs next to nothing on the way of success.
///
/// ```
/// use farcall_core::marshal::{DecodeErrorKind, Reader, Unmarshal};
///
/// let mut reader = Reader::new(&[0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 7]);
/// let error = Vec::<bool>::unmarshal(&mut reader).unwrap_err();
/// assert_eq!(*error.kind(), DecodeErrorKind::NotABool { value: 7 });
/// assert_eq!(error.offset(), 8);
/// assert_eq!(error.path(), "[1]");
/// assert_eq!(error.to_string(), "7 is neither false (0) nor true (1), at byte 8, in [1]");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    kind: DecodeErrorKind,
    /// `None` until somebody who knows the place has seen an error of a type that does not.
    offset: Option<usize>,
    /// Innermost place first: it is filled on the way out of the nested values.
    path: Vec<Place>,
    /// Places further out than the longest path that is kept.
    outer_places_dropped: bool,
}

/// One step from a value to a part of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Field { owner: &'static str, name: &'static str },
    Index(usize),
    Key,
    Value,
}

/// The rule of the encoding that the bytes break.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The message ends too early.
    Truncated {
        /// Bytes that the value needs at least.
        needed: usize,
        /// Bytes that were left.
        remaining: usize,
    },
    /// Bytes follow the last value.
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// A byte that only fills up a unit is not zero.
    NonZeroPadding,
    /// A `bool`, or the word that says whether an `Option` is `Some`, is neither 0 nor 1.
    NotABool {
        /// The word that was found.
        value: u32,
    },
    /// A `char` is a surrogate or above U+10FFFF.
    NotAChar {
        /// The word that was found.
        value: u32,
    },
    /// A string is not UTF-8.
    NotUtf8 {
        /// How many bytes of the string are valid.
        valid_up_to: usize,
    },
    /// A number does not fit its type.
    OutOfRange {
        /// The type.
        type_name: &'static str,
    },
    /// The tag of a union names none of its variants.
    UnknownVariant {
        /// The type.
        type_name: &'static str,
        /// The tag that was found.
        tag: u32,
    },
    /// A key of a map, or an element of a set, is there twice.
    DuplicateKey,
    /// Values are nested more deeply than [`MAX_DEPTH`](super::MAX_DEPTH).
    TooDeep,
    /// More than [`MAX_EMPTY_ELEMENTS`](super::MAX_EMPTY_ELEMENTS) elements that take no bytes.
    TooManyEmptyElements,
    /// The value would take more memory than a message of this length may.
    /// See [`Reader`](super::Reader#memory).
    TooLarge {
        /// Bytes of memory asked for by the value that was refused.
        needed: usize,
        /// Bytes of memory that were left for the message.
        allowed: usize,
    },
    /// The value breaks a rule of its own type.
    Invalid(&'static str),
    /// The value breaks a rule of its own type, a type of another crate, which says this.
    Refused(String),
    /// The type asks what comes next, which XDR does not say. Both sides have to know the type.
    NotSelfDescribing {
        /// The type that asks.
        type_name: &'static str,
    },
}

/// A path is cut to this many places, so that an error takes a bounded amount of memory.
const MAX_PLACES: usize = 16;

impl DecodeError {
    #[cold]
    pub(super) fn new(kind: DecodeErrorKind, offset: usize) -> Self {
        Self::somewhere(kind, Some(offset))
    }

    #[cold]
    fn somewhere(kind: DecodeErrorKind, offset: Option<usize>) -> Self {
        Self(Box::new(Inner { kind, offset, path: Vec::new(), outer_places_dropped: false }))
    }

    /// The error of a type that does not know where in the message it is.
    #[cfg(feature = "serde")]
    #[cold]
    pub(super) fn refused(reason: impl fmt::Display) -> Self {
        Self::somewhere(DecodeErrorKind::Refused(short_text(reason)), None)
    }

    /// Says where the value at fault begins, if the error does not know.
    #[cfg(feature = "serde")]
    #[cold]
    pub(super) fn placed_at(mut self, offset: usize) -> Self {
        self.0.offset.get_or_insert(offset);
        self
    }

    /// Notes that the value at fault is a part of another value.
    #[cold]
    pub(super) fn within(mut self, place: Place) -> Self {
        if self.0.path.len() < MAX_PLACES {
            self.0.path.push(place);
        } else {
            self.0.outer_places_dropped = true;
        }
        self
    }

    /// The rule that was broken.
    #[must_use]
    pub fn kind(&self) -> &DecodeErrorKind {
        &self.0.kind
    }

    /// Where the value at fault begins, in bytes from the start of the message.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.0.offset.unwrap_or_default()
    }

    /// The way to the value at fault, such as `Line.points[3].x`; empty for a value that is not
    /// part of another. Only the sixteen innermost steps are kept.
    #[must_use]
    pub fn path(&self) -> String {
        Path(&self.0).to_string()
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.kind.fmt(f)?;
        if let Some(offset) = self.0.offset {
            write!(f, ", at byte {offset}")?;
        }
        if !self.0.path.is_empty() {
            write!(f, ", in {}", Path(&self.0))?;
        }
        Ok(())
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecodeError")
            .field("kind", &self.0.kind)
            .field("offset", &self.offset())
            .field("path", &self.path())
            .finish()
    }
}

impl core::error::Error for DecodeError {}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Truncated { needed, remaining } => {
                write!(f, "{needed} bytes are needed and {remaining} are left")
            }
            Self::TrailingBytes { count } => write!(f, "{count} bytes follow the last value"),
            Self::NonZeroPadding => f.write_str("the padding is not zero"),
            Self::NotABool { value } => {
                write!(f, "{value} is neither false (0) nor true (1)")
            }
            Self::NotAChar { value } => write!(f, "{value:#x} is not a Unicode scalar value"),
            Self::NotUtf8 { valid_up_to } => {
                write!(f, "the string is not UTF-8 after its first {valid_up_to} bytes")
            }
            Self::OutOfRange { type_name } => write!(f, "the number does not fit {type_name}"),
            Self::UnknownVariant { type_name, tag } => {
                write!(f, "{type_name} has no variant {tag}")
            }
            Self::DuplicateKey => f.write_str("the key is there twice"),
            Self::TooDeep => {
                write!(f, "values are nested more than {} deep", super::MAX_DEPTH)
            }
            Self::TooManyEmptyElements => write!(
                f,
                "the message has more than {} elements that take no bytes",
                super::MAX_EMPTY_ELEMENTS
            ),
            Self::TooLarge { needed, allowed } => write!(
                f,
                "the value needs {needed} bytes of memory and {allowed} are left for the message"
            ),
            Self::Invalid(rule) => f.write_str(rule),
            Self::Refused(ref reason) => f.write_str(reason),
            Self::NotSelfDescribing { type_name } => write!(
                f,
                "{type_name} can only be read from a format that describes itself, and XDR does not"
            ),
        }
    }
}

/// Prints the places from the outermost to the innermost.
struct Path<'a>(&'a Inner);

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.outer_places_dropped {
            f.write_str("..")?;
        }
        for (position, place) in self.0.path.iter().rev().enumerate() {
            match *place {
                Place::Field { owner, name } if position == 0 => write!(f, "{owner}.{name}")?,
                Place::Field { name, .. } => write!(f, ".{name}")?,
                Place::Index(index) => write!(f, "[{index}]")?,
                Place::Key => f.write_str("{key}")?,
                Place::Value => f.write_str("{value}")?,
            }
        }
        Ok(())
    }
}
