//! Putting a large message together from its fragments.

use bytes::Bytes;

use super::ranges::Ranges;

/// The memory that is taken at once. Arriving bytes pay for it, a declared length never does.
const STEP: usize = 1 << 20;

/// The most gaps there may be. An honest sender, who is allowed 4 MiB, leaves fewer even if every second
/// datagram of the smallest size is lost.
const MAXIMUM_GAPS: usize = 4096;

/// A message of which not everything has arrived.
#[derive(Debug)]
pub struct Assembly {
    length: usize,
    /// Everything up to the last byte that arrived; gaps are zero.
    buffer: Vec<u8>,
    arrived: Ranges,
    /// How many bytes have arrived.
    count: usize,
}

/// What became of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It brought this many bytes that were missing.
    New(usize),
    /// All of it was there.
    Known,
    /// It says something else than what was there: nothing of this message can be trusted.
    Contradiction,
    /// It lies beyond what the sender was allowed to send, or beyond the end. It changes nothing.
    Beyond,
}

impl Assembly {
    /// Nothing of a message of `length` bytes has arrived.
    pub fn new(length: usize) -> Self {
        Self { length, buffer: Vec::new(), arrived: Ranges::default(), count: 0 }
    }

    /// How long the message will be.
    pub fn length(&self) -> usize {
        self.length
    }

    /// How much memory it takes.
    pub fn allocated(&self) -> usize {
        self.buffer.capacity()
    }

    /// How many bytes of memory it will take when bytes up to `end` have arrived.
    pub fn allocation_for(&self, end: usize) -> usize {
        let (length, capacity) = (self.buffer.len(), self.buffer.capacity());
        if end <= capacity {
            return capacity;
        }
        // In steps, so that there is never much more than what is needed.
        end.max(length + (length / 2).clamp(4096, STEP)).min(self.length)
    }

    /// How many bytes have arrived, gaps or not.
    pub fn arrived(&self) -> usize {
        self.count
    }

    /// What has arrived without a gap, from `start` on.
    pub fn in_order(&self, start: usize) -> &[u8] {
        self.buffer.get(start..self.prefix()).unwrap_or_default()
    }

    /// How many bytes have arrived without a gap.
    pub fn prefix(&self) -> usize {
        self.arrived.prefix()
    }

    /// Whether everything has arrived.
    pub fn is_complete(&self) -> bool {
        self.arrived.prefix() == self.length
    }

    /// Takes a fragment. Bytes from `limit` on are not accepted.
    pub fn add(&mut self, offset: usize, bytes: &[u8], limit: usize) -> Added {
        let Some(end) = offset.checked_add(bytes.len()) else { return Added::Beyond };
        let may_leave_gap = self.arrived.count() < MAXIMUM_GAPS || offset == self.prefix();
        if end > self.length.min(limit) || !may_leave_gap {
            return Added::Beyond;
        }
        for known in self.arrived.common(offset..end) {
            if self.buffer[known.clone()] != bytes[known.start - offset..known.end - offset] {
                return Added::Contradiction;
            }
        }
        let missing = self.arrived.missing(offset..end);
        let new: usize = missing.iter().map(ExactSizeIterator::len).sum();
        for gap in missing {
            self.write(gap.start, &bytes[gap.start - offset..gap.end - offset]);
        }
        self.arrived.insert(offset..end);
        self.count += new;
        if new == 0 { Added::Known } else { Added::New(new) }
    }

    /// The whole message.
    ///
    /// # Panics
    /// If it is not complete.
    pub fn into_message(self) -> Bytes {
        assert!(self.is_complete(), "a message is handed out whole");
        Bytes::from(self.buffer)
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        let target = self.allocation_for(end);
        if target > self.buffer.capacity() {
            self.buffer.reserve_exact(target - self.buffer.len());
        }
        if at == self.buffer.len() {
            self.buffer.extend_from_slice(bytes);
        } else {
            if end > self.buffer.len() {
                self.buffer.resize(end, 0);
            }
            self.buffer[at..end].copy_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index * 7 + index / 256) as u8).collect()
    }

    #[test]
    fn any_order_gives_the_message() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..500 {
            let length = random.usize(0..3_000);
            let message = message(length);
            let mut assembly = Assembly::new(length);
            let mut pieces: Vec<_> = (0..length).step_by(100).collect();
            random.shuffle(&mut pieces);
            pieces.extend_from_within(..pieces.len() / 3);
            let mut new = 0;
            for start in pieces {
                // Pieces that overlap.
                let end = (start + 100 + random.usize(0..50)).min(length);
                match assembly.add(start, &message[start..end], length) {
                    Added::New(count) => new += count,
                    Added::Known => {}
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(new, length);
            assert!(assembly.is_complete());
            assert_eq!(assembly.into_message(), message);
        }
    }

    #[test]
    fn a_contradiction_is_noticed_and_nothing_beyond_the_end_is_taken() {
        let mut assembly = Assembly::new(10);
        assert_eq!(assembly.add(2, &[1, 2, 3], 10), Added::New(3));
        assert_eq!(assembly.add(3, &[2, 3, 4], 10), Added::New(1));
        assert_eq!(assembly.add(3, &[2, 3], 10), Added::Known);
        assert_eq!(assembly.add(4, &[9], 10), Added::Contradiction);
        assert_eq!(assembly.add(8, &[0, 0, 0], 10), Added::Beyond);
        assert_eq!(assembly.add(6, &[0], 6), Added::Beyond);
        assert_eq!(assembly.add(usize::MAX, &[0], 10), Added::Beyond);
        assert_eq!(assembly.prefix(), 0);
        assert!(!assembly.is_complete());
    }

    #[test]
    fn a_comb_of_single_bytes_is_cut_short_and_the_message_still_arrives() {
        let mut assembly = Assembly::new(10 * MAXIMUM_GAPS);
        for offset in (1..10 * MAXIMUM_GAPS).step_by(2) {
            assembly.add(offset, &[0], usize::MAX);
        }
        assert_eq!(assembly.arrived.count(), MAXIMUM_GAPS);
        for offset in (0..10 * MAXIMUM_GAPS).step_by(1024) {
            let end = (offset + 1024).min(assembly.length());
            assert!(matches!(
                assembly.add(offset, &vec![0; end - offset], usize::MAX),
                Added::New(_)
            ));
        }
        assert!(assembly.is_complete());
    }

    #[test]
    fn memory_follows_what_has_arrived() {
        let mut assembly = Assembly::new(64 << 20);
        assert_eq!(assembly.allocated(), 0);
        let window = 256 << 10;
        // The last bytes that are allowed come first.
        assert_eq!(assembly.add(window - 1, &[1], window), Added::New(1));
        assert!(assembly.allocated() <= window + 4096, "{}", assembly.allocated());
        let piece = vec![0; window - 1];
        assembly.add(0, &piece, window);
        let piece = vec![1; 60_000];
        for start in (window..16 << 20).step_by(piece.len()) {
            let said = assembly.allocation_for(start + piece.len());
            assembly.add(start, &piece, usize::MAX);
            assert_eq!(assembly.allocated(), said);
            assert!(assembly.allocated() <= start + piece.len() + STEP);
        }
    }

    #[test]
    fn an_empty_message_is_complete() {
        let assembly = Assembly::new(0);
        assert!(assembly.is_complete());
        assert_eq!(assembly.into_message(), Bytes::new());
    }
}
