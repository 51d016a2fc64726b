//! Values into bytes.

use bytes::Bytes;

use super::{Body, EncodeError, pool};

/// The bytes of a message while it is written.
///
/// All the `put_*` methods keep the position a multiple of four, save [`put_raw`](Self::put_raw),
/// which is to be followed by [`align`](Self::align). Positions count from the start of the writer:
/// whoever puts a header in front writes one whose length is a multiple of four.
///
/// ```
/// use farcall_core::marshal::{Marshal, Writer};
///
/// let mut out = Writer::new();
/// "farcall".marshal(&mut out);
/// assert_eq!(&out.finish()?[..], b"\0\0\0\x07farcall\0");
/// # Ok::<(), farcall_core::marshal::EncodeError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
    /// Why what was written is not the encoding of a value.
    error: Option<EncodeError>,
    /// Values that are a part of the message and not in `bytes`. `None` where everything is copied.
    shared: Option<Shared>,
}

/// What the message has besides the bytes that were written.
#[derive(Clone, Debug, Default)]
struct Shared {
    /// Each with the position in the bytes before which it stands. The length of each is a multiple of
    /// four, so that the position of the writer is one exactly if the number of its own bytes is.
    pieces: Vec<(usize, Bytes)>,
    length: usize,
}

/// Numbers are turned into bytes on the stack, this many at a time, and then copied: the loop
/// vectorises, no byte of the message is written twice, and the block stays in the nearest cache.
const BLOCK: usize = 64;

/// The room that is left behind a run of bytes for what may follow it. Without it, a number behind a
/// large run would double the buffer.
const TAIL: usize = 64;

impl Writer {
    /// A writer with nothing in it. It allocates when the first byte is put.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), error: None, shared: None }
    }

    /// A writer that has room for `capacity` bytes before it allocates again.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { bytes: Vec::with_capacity(capacity), error: None, shared: None }
    }

    /// A writer for a value, or all the arguments of a call, whose [`marshal_room`](super::Marshal::marshal_room) is known.
    /// Large values that are given to it or can be shared are not copied. For generated code.
    #[doc(hidden)]
    #[must_use]
    #[inline]
    pub fn for_room(room: usize) -> Self {
        let bytes = if room > pool::ROOM {
            Vec::with_capacity(room.saturating_add(TAIL))
        } else {
            pool::take()
        };
        Self { bytes, error: None, shared: Some(Shared::default()) }
    }

    /// How many bytes have been written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() + self.shared.as_ref().map_or(0, |shared| shared.length)
    }

    /// Whether nothing has been written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What has been written. In the arguments and the result of a call, large values that come by value
    /// are not copied and not in it.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// Ends writing, and gives what was written, in one piece.
    ///
    /// # Errors
    ///
    /// If a value could not be encoded: see [`fail`](Self::fail).
    pub fn finish(self) -> Result<Bytes, EncodeError> {
        self.finish_body().map(Body::into_bytes)
    }

    /// Ends writing, and gives what was written, without a copy.
    ///
    /// # Errors
    ///
    /// If a value could not be encoded: see [`fail`](Self::fail).
    pub fn finish_body(self) -> Result<Body, EncodeError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        match self.shared {
            Some(shared) if !shared.pieces.is_empty() => Ok(shared.among(self.bytes)),
            _ => Ok(Body::from(self.bytes)),
        }
    }

    /// Says that a value cannot be encoded, and why. The first reason is kept.
    ///
    /// [`Marshal::marshal`](super::Marshal::marshal) returns as usual, and whatever else is written is
    /// thrown away. Arguments that cannot be encoded are not sent: the call ends `NotExecuted`, with
    /// `UnencodableArguments`. For a result the call ends `Executed`, with `UnencodableReply`.
    ///
    /// ```
    /// use farcall_core::marshal::{Marshal, Schema, Writer};
    ///
    /// struct Even(u32);
    ///
    /// impl Marshal for Even {
    ///     fn marshal(&self, out: &mut Writer) {
    ///         if self.0 % 2 == 1 {
    ///             out.fail(format_args!("{} is odd", self.0));
    ///         }
    ///         self.0.marshal(out);
    ///     }
    ///
    ///     fn describe(schema: &mut Schema) {
    ///         u32::describe(schema);
    ///     }
    /// }
    ///
    /// let mut out = Writer::new();
    /// vec![Even(2), Even(3), Even(5)].marshal(&mut out);
    /// assert_eq!(out.finish().unwrap_err().to_string(), "3 is odd");
    /// ```
    #[cold]
    pub fn fail(&mut self, reason: impl core::fmt::Display) {
        self.error.get_or_insert_with(|| EncodeError::new(reason));
    }

    /// Why a value could not be encoded, if that has happened.
    #[must_use]
    pub fn error(&self) -> Option<&EncodeError> {
        self.error.as_ref()
    }

    /// Makes room for `additional` bytes.
    pub fn reserve(&mut self, additional: usize) {
        self.bytes.reserve(additional);
    }

    /// Makes room for a run of `bytes` bytes, padding included, and for a little behind it if that takes an
    /// allocation.
    #[inline]
    pub(super) fn reserve_run(&mut self, bytes: usize) {
        if bytes > self.bytes.capacity() - self.bytes.len() {
            self.reserve(bytes.saturating_add(TAIL));
        }
    }

    /// One unit: XDR `unsigned int`.
    #[inline]
    pub fn put_u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    /// One unit: XDR `int`.
    #[inline]
    pub fn put_i32(&mut self, value: i32) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    /// Two units: XDR `unsigned hyper`.
    #[inline]
    pub fn put_u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    /// Two units: XDR `hyper`.
    #[inline]
    pub fn put_i64(&mut self, value: i64) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    /// One unit: XDR `bool`.
    #[inline]
    pub fn put_bool(&mut self, value: bool) {
        self.put_u32(u32::from(value));
    }

    /// One unit: the discriminant of a union.
    #[inline]
    pub fn put_tag(&mut self, tag: u32) {
        self.put_u32(tag);
    }

    /// One unit: how many elements or bytes follow. It [fails](Self::fail) above 2³² − 1, which XDR
    /// cannot express.
    #[inline]
    pub fn put_count(&mut self, count: usize) {
        let count = u32::try_from(count).unwrap_or_else(|_| self.fail_to_count(count));
        self.put_u32(count);
    }

    #[cold]
    fn fail_to_count(&mut self, count: usize) -> u32 {
        self.fail(format_args!("a count has 32 bits, and there are {count} elements"));
        0
    }

    /// How many of the bytes are not those of shared values.
    #[cfg(feature = "serde")]
    pub(super) fn own_len(&self) -> usize {
        self.bytes.len()
    }

    /// Puts another count to where [`put_count`](Self::put_count) has put one.
    #[cfg(feature = "serde")]
    pub(super) fn set_count(&mut self, position: usize, count: usize) {
        let end = self.own_len();
        self.put_count(count);
        self.bytes.copy_within(end.., position);
        self.bytes.truncate(end);
    }

    /// A count, the bytes, and zeros up to a multiple of four: XDR `opaque<>` and `string<>`. It
    /// [fails](Self::fail) if there are more than 2³² − 1 bytes.
    #[inline]
    pub fn put_opaque(&mut self, bytes: &[u8]) {
        self.reserve_run(bytes.len().saturating_add(8));
        self.put_count(bytes.len());
        self.put_fixed_opaque(bytes);
    }

    /// As [`put_opaque`](Self::put_opaque). The bytes become a part of the message if they are many and it
    /// allows that.
    #[inline]
    pub(super) fn put_shared(&mut self, bytes: &Bytes) {
        match &self.shared {
            Some(_) if bytes.len() >= Body::SHARED_FROM => self.share(bytes.clone()),
            _ => self.put_opaque(bytes),
        }
    }

    /// As [`put_shared`](Self::put_shared), for bytes that belong to nobody else. A vector that is mostly
    /// empty is copied: it would be kept as long as the message.
    #[inline]
    pub(super) fn put_owned(&mut self, bytes: Vec<u8>) {
        match &self.shared {
            Some(_) if bytes.len() >= Body::SHARED_FROM && bytes.len() >= bytes.capacity() / 2 => {
                self.share(Bytes::from(bytes));
            }
            _ => self.put_opaque(&bytes),
        }
    }

    fn share(&mut self, mut bytes: Bytes) {
        self.put_count(bytes.len());
        // The last unit is copied with its padding.
        let rest = bytes.split_off(bytes.len() & !3);
        let position = self.bytes.len();
        let shared = self.shared.get_or_insert_default();
        shared.length += bytes.len();
        shared.pieces.push((position, bytes));
        self.put_fixed_opaque(&rest);
    }

    /// The bytes, and zeros up to a multiple of four: XDR `opaque[n]`.
    #[inline]
    pub fn put_fixed_opaque(&mut self, bytes: &[u8]) {
        self.put_raw(bytes);
        self.align();
    }

    /// The bytes as they are. The position may be left between two units.
    #[inline]
    pub fn put_raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Zeros up to a multiple of four.
    #[inline]
    pub fn align(&mut self) {
        let padding = self.bytes.len().wrapping_neg() & 3;
        self.bytes.extend_from_slice(&[0; 3][..padding]);
    }

    /// Many values of `SIZE` bytes each, without a check of the room for each of them.
    #[inline]
    pub(super) fn put_all<T: Copy, const SIZE: usize>(
        &mut self,
        run: &[T],
        to_bytes: impl Fn(T) -> [u8; SIZE],
    ) {
        self.reserve(run.len().saturating_mul(SIZE));
        let mut block = [[0; SIZE]; BLOCK];
        for values in run.chunks(BLOCK) {
            for (bytes, value) in block.iter_mut().zip(values) {
                *bytes = to_bytes(*value);
            }
            self.bytes.extend_from_slice(block[..values.len()].as_flattened());
        }
    }
}

impl Shared {
    /// The whole message.
    fn among(self, bytes: Vec<u8>) -> Body {
        let mut rest = Bytes::from(bytes);
        let mut pieces = Vec::with_capacity(2 * self.pieces.len() + 1);
        let mut start = 0;
        for (position, piece) in self.pieces {
            pieces.push(rest.split_to(position - start));
            pieces.push(piece);
            start = position;
        }
        pieces.push(rest);
        Body::chain(pieces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_of_more_than_32_bits_is_an_error() {
        let mut out = Writer::new();
        out.put_count(u32::MAX as usize);
        assert_eq!(out.error(), None);
        assert_eq!(out.as_slice(), [0xff; 4]);
        #[cfg(target_pointer_width = "64")]
        {
            out.put_count(1 << 32);
            let error = out.finish().expect_err("33 bits");
            assert_eq!(error.to_string(), "a count has 32 bits, and there are 4294967296 elements");
        }
    }

    #[test]
    fn the_first_reason_is_kept_and_not_too_long() {
        let mut out = Writer::new();
        out.fail("ß".repeat(1000));
        out.fail("another");
        assert_eq!(out.error().expect("it failed").to_string(), "ß".repeat(256));
    }
}
