//! Bytes of a fuzzer, read as the decisions of a run.

/// The bytes that are left. What is read beyond their end is zero, so that every input is a whole run.
///
/// How bytes become decisions must not change without need: the committed corpora would lose their meaning.
pub(super) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn u8(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    pub(super) fn u16(&mut self) -> u16 {
        u16::from_be_bytes([self.u8(), self.u8()])
    }

    pub(super) fn u32(&mut self) -> u32 {
        u32::from(self.u16()) << 16 | u32::from(self.u16())
    }

    pub(super) fn u64(&mut self) -> u64 {
        u64::from(self.u32()) << 32 | u64::from(self.u32())
    }

    /// A place among so many, at most 256.
    pub(super) fn below(&mut self, count: usize) -> usize {
        usize::from(self.u8()) % count.max(1)
    }

    pub(super) fn bool(&mut self) -> bool {
        self.u8() & 1 == 1
    }

    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// A number, mostly a small one, and one at an edge now and then.
    pub(super) fn number(&mut self) -> u64 {
        match self.u8() {
            small @ 0..=0xBF => small.into(),
            0xC0..=0xDF => self.u16().into(),
            0xE0..=0xE7 => u64::from(u32::MAX) - u64::from(self.u8()),
            0xE8..=0xEF => u64::MAX - u64::from(self.u8()),
            0xF0..=0xF7 => 1 << (self.u8() % 64),
            _ => self.u64(),
        }
    }

    /// The next bytes, or as many of them as there are.
    pub(super) fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (front, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        front
    }

    /// Everything that is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.0)
    }
}
