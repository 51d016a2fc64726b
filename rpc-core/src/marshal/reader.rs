//! Bytes into values, within limits.

use bytes::Bytes;

use super::error::Place;
use super::{
    ALLOCATION_BASE, ALLOCATION_FACTOR, DecodeError, DecodeErrorKind, MAX_DEPTH,
    MAX_EMPTY_ELEMENTS, Unmarshal,
};

/// A message while it is read, with what it may still cost.
///
/// Reading never panics, whatever the bytes are, and the work and the memory of reading are
/// bounded by the length of the message.
///
/// # Memory
///
/// All the memory that is allocated for the values of one message, together, is at most
/// [`ALLOCATION_FACTOR`] times the length of the message plus [`ALLOCATION_BASE`]. It is charged
/// before it is reserved: for `count * size_of::<T>()` bytes in vectors, for the target of a `Box`,
/// `Rc` or `Arc` with its counters, for the bytes of a `String`, and for the buckets and nodes of
/// maps and sets. What the allocator adds to each block is not counted. The factor leaves room for
/// honest values, whose memory is larger than their bytes: an empty `String` takes 4 bytes in the
/// message and 24 in a vector. Use [`with_allowance`](Self::with_allowance) for another limit.
///
/// # Example
///
/// ```
/// use farcall_core::marshal::{Reader, Unmarshal};
///
/// let mut reader = Reader::new(&[0, 0, 0, 2, b'h', b'i', 0, 0, 0, 0, 0, 1]);
/// let word = <&str>::unmarshal(&mut reader)?;
/// let number = u32::unmarshal(&mut reader)?;
/// reader.finish()?;
/// assert_eq!((word, number), ("hi", 1));
/// # Ok::<(), farcall_core::marshal::DecodeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
    /// The message as a shared buffer, and how large a buffer a slice of it keeps alive.
    message: Option<(&'a Bytes, usize)>,
    /// Bytes of memory that may still be allocated.
    allowance: usize,
    /// Elements that take no bytes and may still be there.
    empty_elements: usize,
    /// Indirections around the value that is being read.
    depth: u32,
}

impl<'a> Reader<'a> {
    /// Reads `message` from its start.
    #[must_use]
    pub fn new(message: &'a [u8]) -> Self {
        let allowance =
            message.len().saturating_mul(ALLOCATION_FACTOR).saturating_add(ALLOCATION_BASE);
        Self {
            rest: message,
            length: message.len(),
            message: None,
            allowance,
            empty_elements: MAX_EMPTY_ELEMENTS,
            depth: 0,
        }
    }

    /// Reads `message` from its start; fields of type [`Bytes`] become slices of it.
    ///
    /// Such a slice keeps the whole buffer alive. A field that is shorter than a quarter of the
    /// message is therefore copied. If the message is itself a part of a larger buffer, use
    /// [`of_message_in`](Self::of_message_in).
    #[must_use]
    pub fn of_message(message: &'a Bytes) -> Self {
        Self::of_message_in(message, message.len())
    }

    /// As [`of_message`](Self::of_message), for a message in a buffer of `buffer` bytes: a field is
    /// a slice if it is at least a quarter of that.
    #[must_use]
    pub fn of_message_in(message: &'a Bytes, buffer: usize) -> Self {
        Self { message: Some((message, buffer.max(message.len()))), ..Self::new(message) }
    }

    /// Allows `bytes` bytes of memory for the values, instead of the usual multiple of the length.
    #[must_use]
    pub fn with_allowance(mut self, bytes: usize) -> Self {
        self.allowance = bytes;
        self
    }

    /// How many bytes of memory may still be allocated.
    #[must_use]
    pub fn allowance(&self) -> usize {
        self.allowance
    }

    /// Ends reading.
    ///
    /// # Errors
    ///
    /// If there are bytes left.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(self.error(DecodeErrorKind::TrailingBytes { count })),
        }
    }

    /// How many bytes have not been read.
    #[must_use]
    #[inline]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// How many bytes have been read.
    #[must_use]
    #[inline]
    pub fn position(&self) -> usize {
        self.length - self.rest.len()
    }

    /// One unit: XDR `unsigned int`.
    ///
    /// # Errors
    ///
    /// If the message ends before it.
    #[inline]
    pub fn read_u32(&mut self) -> Result<u32, DecodeError> {
        self.take_chunk().map(u32::from_be_bytes)
    }

    /// One unit: XDR `int`.
    ///
    /// # Errors
    ///
    /// If the message ends before it.
    #[inline]
    pub fn read_i32(&mut self) -> Result<i32, DecodeError> {
        self.take_chunk().map(i32::from_be_bytes)
    }

    /// Two units: XDR `unsigned hyper`.
    ///
    /// # Errors
    ///
    /// If the message ends before it.
    #[inline]
    pub fn read_u64(&mut self) -> Result<u64, DecodeError> {
        self.take_chunk().map(u64::from_be_bytes)
    }

    /// Two units: XDR `hyper`.
    ///
    /// # Errors
    ///
    /// If the message ends before it.
    #[inline]
    pub fn read_i64(&mut self) -> Result<i64, DecodeError> {
        self.take_chunk().map(i64::from_be_bytes)
    }

    /// One unit: XDR `bool`.
    ///
    /// # Errors
    ///
    /// If the message ends before it, or it is neither 0 nor 1.
    #[inline]
    pub fn read_bool(&mut self) -> Result<bool, DecodeError> {
        match self.read_u32()? {
            0 => Ok(false),
            1 => Ok(true),
            value => Err(self.error_before(4, DecodeErrorKind::NotABool { value })),
        }
    }

    /// One unit: the discriminant of a union. Any value is accepted here; see
    /// [`unknown_variant`](Self::unknown_variant).
    ///
    /// # Errors
    ///
    /// If the message ends before it.
    #[inline]
    pub fn read_tag(&mut self) -> Result<u32, DecodeError> {
        self.read_u32()
    }

    /// One unit: how many elements or bytes follow. It is what the message says and no more:
    /// nothing may be reserved for it before [`admit`](Self::admit) has agreed.
    ///
    /// # Errors
    ///
    /// If the message ends before it.
    #[inline]
    pub fn read_count(&mut self) -> Result<usize, DecodeError> {
        // No loss: a `usize` has at least 32 bits on every platform that has a network stack.
        self.read_u32().map(|count| count as usize)
    }

    /// A count, the bytes, and padding: XDR `opaque<>` and `string<>`.
    ///
    /// # Errors
    ///
    /// If the message ends before it, or the padding is not zero.
    #[inline]
    pub fn read_opaque(&mut self) -> Result<&'a [u8], DecodeError> {
        let count = self.read_count()?;
        self.read_fixed_opaque(count)
    }

    /// `count` bytes, and padding: XDR `opaque[n]`.
    ///
    /// # Errors
    ///
    /// If the message ends before it, or the padding is not zero.
    #[inline]
    pub fn read_fixed_opaque(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let bytes = self.take(count)?;
        self.align()?;
        Ok(bytes)
    }

    /// A count, UTF-8, and padding: XDR `string<>`.
    ///
    /// # Errors
    ///
    /// If the message ends before it, the padding is not zero, or the bytes are not UTF-8.
    pub fn read_str(&mut self) -> Result<&'a str, DecodeError> {
        let offset = self.position();
        core::str::from_utf8(self.read_opaque()?).map_err(|error| {
            DecodeError::new(DecodeErrorKind::NotUtf8 { valid_up_to: error.valid_up_to() }, offset)
        })
    }

    /// A count, the bytes, and padding, as a shared buffer: a slice of the message where
    /// [`of_message`](Self::of_message) says so, otherwise a copy.
    ///
    /// # Errors
    ///
    /// If the message ends before it, the padding is not zero, or a copy would take too much
    /// memory.
    pub fn read_bytes(&mut self) -> Result<Bytes, DecodeError> {
        let bytes = self.read_opaque()?;
        match self.message {
            Some((message, buffer)) if bytes.len().saturating_mul(4) >= buffer => {
                Ok(message.slice_ref(bytes))
            }
            _ => {
                self.charge(bytes.len())?;
                Ok(Bytes::copy_from_slice(bytes))
            }
        }
    }

    /// The next `count` bytes as they are. The position may be left between two units.
    ///
    /// # Errors
    ///
    /// If there are fewer.
    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(count) {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(bytes)
            }
            None => Err(self.truncated(count)),
        }
    }

    #[inline]
    pub(super) fn take_chunk<const SIZE: usize>(&mut self) -> Result<[u8; SIZE], DecodeError> {
        match self.rest.split_first_chunk() {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(*bytes)
            }
            None => Err(self.truncated(SIZE)),
        }
    }

    /// The next `count` values of `SIZE` bytes each.
    #[inline]
    pub(super) fn take_chunks<const SIZE: usize>(
        &mut self,
        count: usize,
    ) -> Result<&'a [[u8; SIZE]], DecodeError> {
        // A product that overflows is above what any message has.
        let bytes = self.take(count.saturating_mul(SIZE))?;
        Ok(bytes.as_chunks().0)
    }

    /// Skips the padding up to a multiple of four.
    ///
    /// # Errors
    ///
    /// If it is not there or not zero.
    #[inline]
    pub fn align(&mut self) -> Result<(), DecodeError> {
        let padding = self.position().wrapping_neg() & 3;
        if padding != 0 && self.take(padding)?.iter().any(|byte| *byte != 0) {
            return Err(self.error_before(padding, DecodeErrorKind::NonZeroPadding));
        }
        Ok(())
    }

    /// Decodes the field `name` of `owner`; an error names the two. For derived code.
    ///
    /// # Errors
    ///
    /// If the value cannot be decoded.
    #[inline]
    pub fn field<T: Unmarshal<'a>>(
        &mut self,
        owner: &'static str,
        name: &'static str,
    ) -> Result<T, DecodeError> {
        T::unmarshal(self).map_err(|error| error.within(Place::Field { owner, name }))
    }

    /// Runs `read` one level deeper. Every type whose values can contain values of the same type
    /// has to pass through here; the pointers and collections of this crate do.
    ///
    /// # Errors
    ///
    /// If the level is deeper than [`MAX_DEPTH`], and those of `read`.
    #[inline]
    pub fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(DecodeErrorKind::TooDeep));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Asks whether `count` elements can follow, of which each takes at least `least` bytes. To be
    /// called before a loop over a count that was read.
    ///
    /// # Errors
    ///
    /// If the bytes that are left are too few, or, for elements that take no bytes, if the message
    /// has more than [`MAX_EMPTY_ELEMENTS`] of them.
    #[inline]
    pub fn admit(&mut self, count: usize, least: usize) -> Result<(), DecodeError> {
        if least == 0 {
            self.empty_elements = self
                .empty_elements
                .checked_sub(count)
                .ok_or_else(|| self.error(DecodeErrorKind::TooManyEmptyElements))?;
            return Ok(());
        }
        let needed = count.saturating_mul(least);
        if needed > self.rest.len() { Err(self.truncated(needed)) } else { Ok(()) }
    }

    /// Counts an element that began at `start` and took no bytes.
    #[inline]
    pub(super) fn admit_since(&mut self, start: usize) -> Result<(), DecodeError> {
        if self.position() == start { self.admit(1, 0) } else { Ok(()) }
    }

    /// Asks for `bytes` bytes of memory. To be called before they are allocated.
    ///
    /// # Errors
    ///
    /// If that is more than is left of what the message may cost.
    #[inline]
    pub fn charge(&mut self, bytes: usize) -> Result<(), DecodeError> {
        match self.allowance.checked_sub(bytes) {
            Some(left) => {
                self.allowance = left;
                Ok(())
            }
            None => {
                Err(self
                    .error(DecodeErrorKind::TooLarge { needed: bytes, allowed: self.allowance }))
            }
        }
    }

    /// The error for a tag that [`read_tag`](Self::read_tag) has just returned.
    #[cold]
    #[must_use]
    pub fn unknown_variant(&self, type_name: &'static str, tag: u32) -> DecodeError {
        self.error_before(4, DecodeErrorKind::UnknownVariant { type_name, tag })
    }

    /// The error for a value, just read, that breaks a rule of its type. The rule reads well after
    /// "error: ", such as "the range is empty".
    #[cold]
    #[must_use]
    pub fn invalid(&self, rule: &'static str) -> DecodeError {
        self.error(DecodeErrorKind::Invalid(rule))
    }

    /// As [`invalid`](Self::invalid), for the last `bytes` bytes.
    #[cold]
    pub(super) fn broken(&self, bytes: usize, rule: &'static str) -> DecodeError {
        self.error_before(bytes, DecodeErrorKind::Invalid(rule))
    }

    /// An error at the current position.
    #[cold]
    pub(super) fn error(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError::new(kind, self.position())
    }

    /// An error in what was just read.
    #[cold]
    pub(super) fn error_before(&self, bytes: usize, kind: DecodeErrorKind) -> DecodeError {
        DecodeError::new(kind, self.position().saturating_sub(bytes))
    }

    #[cold]
    fn truncated(&self, needed: usize) -> DecodeError {
        self.error(DecodeErrorKind::Truncated { needed, remaining: self.rest.len() })
    }
}
