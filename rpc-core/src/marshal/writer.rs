//! Values into bytes.

use bytes::Bytes;

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
/// assert_eq!(&out.into_bytes()[..], b"\0\0\0\x07farcall\0");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

/// Numbers are turned into bytes on the stack, this many at a time, and then copied: the loop
/// vectorises, no byte of the message is written twice, and the block stays in the nearest cache.
const BLOCK: usize = 64;

impl Writer {
    /// A writer with nothing in it. It allocates when the first byte is put.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    /// A writer that has room for `capacity` bytes before it allocates again.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { bytes: Vec::with_capacity(capacity) }
    }

    /// How many bytes have been written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing has been written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// What has been written.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// What has been written, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        Bytes::from(self.bytes)
    }

    /// Makes room for `additional` bytes.
    pub fn reserve(&mut self, additional: usize) {
        self.bytes.reserve(additional);
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

    /// One unit: how many elements or bytes follow.
    ///
    /// # Panics
    ///
    /// If `count` is above 2³² − 1, which XDR cannot express.
    #[inline]
    pub fn put_count(&mut self, count: usize) {
        let Ok(count) = u32::try_from(count) else { count_out_of_range(count) };
        self.put_u32(count);
    }

    /// A count, the bytes, and zeros up to a multiple of four: XDR `opaque<>` and `string<>`.
    ///
    /// # Panics
    ///
    /// If there are more than 2³² − 1 bytes.
    #[inline]
    pub fn put_opaque(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len().saturating_add(8));
        self.put_count(bytes.len());
        self.put_fixed_opaque(bytes);
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

#[cold]
fn count_out_of_range(count: usize) -> ! {
    panic!("a sequence of {count} elements cannot be encoded: the count has 32 bits")
}
