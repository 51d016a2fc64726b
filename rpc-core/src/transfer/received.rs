//! Which numbered datagrams have arrived, and what is said about them.

use core::time::Duration;

use crate::time::Timestamp;

/// How many datagrams before the newest one an acknowledgement tells about.
const HISTORY: u64 = 1024;
const WORDS: usize = (HISTORY / 64) as usize;

/// How many bytes of bits an acknowledgement has at least, if so many datagrams were sent. The sender
/// takes what is not told for lost, unless it was told before.
const ALWAYS_TOLD: usize = 64;

/// The numbers of the datagrams that arrived: the newest, and a bit for each of those before it.
///
/// Every acknowledgement repeats all that is known, so the loss of one costs nothing.
#[derive(Debug, Default)]
pub struct Received {
    newest: u64,
    newest_at: Timestamp,
    /// Bit `n` of word `m`: whether datagram `newest - 1 - 64 * m - n` has arrived.
    before: [u64; WORDS],
    /// How many datagrams have arrived since the last acknowledgement.
    unanswered: u32,
    /// Whether one of them was not the one that was expected next.
    has_surprise: bool,
}

/// How long the acknowledgement of a single datagram may wait for a second one (RFC 9000, section
/// 13.2.1, which allows for 25 ms).
pub const ANSWER_DELAY: Duration = Duration::from_millis(1);

/// What a receiver says about the datagrams that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement<'a> {
    /// The newest datagram that arrived.
    pub newest: u64,
    /// How long ago it did.
    pub held: Duration,
    /// Those before it: bit 0 of the first byte is `newest - 1`, and so on. What lies before the end
    /// is not told.
    pub before: &'a [u8],
}

impl Received {
    /// Takes note of a datagram's arrival. False if it had arrived before, or is so old that it cannot
    /// be told any more.
    pub fn note(&mut self, now: Timestamp, number: u64) -> bool {
        self.unanswered += 1;
        self.has_surprise |= number.checked_sub(1) != Some(self.newest);
        if number > self.newest {
            self.shift(number - self.newest);
            self.newest = number;
            self.newest_at = now;
            return true;
        }
        if number == self.newest {
            return false;
        }
        let place = self.newest - 1 - number;
        if place >= HISTORY {
            return false;
        }
        let (word, bit) = ((place / 64) as usize, 1 << (place % 64));
        let is_new = self.before[word] & bit == 0;
        self.before[word] |= bit;
        is_new
    }

    /// Whether something arrived of which the sender should hear at once: a second datagram, or one that
    /// was not the next (RFC 9000, section 13.2.1).
    pub fn wants_answer(&self) -> bool {
        self.unanswered >= 2 || self.has_surprise
    }

    /// An acknowledgement of everything that is known, if anything has arrived since the last one. It
    /// is written into `bits`. While nothing has arrived, its newest is 0, which is no number.
    pub fn acknowledge<'a>(
        &mut self,
        now: Timestamp,
        bits: &'a mut [u8; WORDS * 8],
    ) -> Acknowledgement<'a> {
        (self.unanswered, self.has_surprise) = (0, false);
        for (word, bytes) in self.before.iter().zip(bits.chunks_exact_mut(8)) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        // Nothing before the first datagram was ever sent.
        let sent = usize::try_from(self.newest.saturating_sub(1).div_ceil(8)).unwrap_or(usize::MAX);
        let told = &bits[..sent.min(WORDS * 8)];
        // What lies far back has been told often: it is repeated only if something is missing there.
        let missing = told.iter().rposition(|&byte| byte != u8::MAX).map_or(0, |last| last + 1);
        let told = told[..missing.max(ALWAYS_TOLD).min(told.len())].len();
        let last = bits[..told].iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        Acknowledgement {
            newest: self.newest,
            held: now.since(self.newest_at),
            before: &bits[..last],
        }
    }

    /// Makes room for newer numbers.
    fn shift(&mut self, by: u64) {
        let had_one = self.newest > 0;
        if by > HISTORY {
            self.before = [0; WORDS];
            return;
        }
        let (words, bits) = ((by / 64) as usize, by % 64);
        for index in (0..WORDS).rev() {
            let low = index.checked_sub(words).map_or(0, |from| self.before[from]);
            let carried = index.checked_sub(words + 1).map_or(0, |from| self.before[from]);
            self.before[index] = if bits == 0 { low } else { low << bits | carried >> (64 - bits) };
        }
        if had_one {
            let place = by - 1;
            self.before[(place / 64) as usize] |= 1 << (place % 64);
        }
    }
}

impl Acknowledgement<'_> {
    /// Whether this datagram has arrived. One that is older than what is told counts as not arrived.
    pub fn contains(&self, number: u64) -> bool {
        if number >= self.newest {
            return number == self.newest;
        }
        let place = self.newest - 1 - number;
        let Ok(byte) = usize::try_from(place / 8) else { return false };
        self.before.get(byte).is_some_and(|bits| bits & 1 << (place % 8) != 0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_acknowledgement_tells_what_arrived() {
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..200 {
            let mut received = Received::default();
            let mut model = BTreeSet::new();
            let mut next = 0;
            for _ in 0..300 {
                let most = [2, 70, 1500][random.usize(0..3)];
                next += random.u64(1..=most);
                let number = (next - random.u64(0..next.min(200))).max(1);
                let newest = model.last().copied().unwrap_or(0);
                let is_told = number + HISTORY >= newest;
                assert_eq!(
                    received.note(Timestamp::ZERO, number),
                    is_told && model.insert(number),
                    "{number} after {newest}"
                );
            }
            let mut bits = [0; WORDS * 8];
            let told = received.acknowledge(Timestamp::from_nanos(5), &mut bits);
            let newest = *model.last().unwrap();
            assert_eq!((told.newest, told.held), (newest, Duration::from_nanos(5)));
            for number in newest.saturating_sub(HISTORY)..=newest + 70 {
                // Far back, what is complete is not repeated.
                let is_far = number + 8 * (ALWAYS_TOLD as u64) < newest;
                let oldest = newest.saturating_sub(HISTORY).max(1);
                let is_known = is_far && (oldest..=number).all(|number| model.contains(&number));
                let expected = model.contains(&number) && !is_known;
                assert!(
                    told.contains(number) == expected || is_known,
                    "{number} of {newest}: {expected}"
                );
            }
            assert!(!received.wants_answer());
        }
    }

    #[test]
    fn a_second_datagram_or_a_gap_is_worth_an_answer() {
        let (mut received, mut bits) = (Received::default(), [0; WORDS * 8]);
        let mut note = |numbers: &[u64]| {
            for &number in numbers {
                received.note(Timestamp::ZERO, number);
            }
            let wants_answer = received.wants_answer();
            received.acknowledge(Timestamp::ZERO, &mut bits);
            wants_answer
        };
        assert!(!note(&[1]));
        assert!(note(&[2, 3]));
        assert!(!note(&[4]));
        assert!(note(&[6]), "one is missing");
        assert!(note(&[5]), "it was late");
        assert!(!note(&[7]));
        assert!(note(&[7]), "again");
    }

    #[test]
    fn what_is_complete_far_back_is_not_repeated() {
        let (mut received, mut bits) = (Received::default(), [0; WORDS * 8]);
        for number in (1..=3000).filter(|&number| number != 2100) {
            received.note(Timestamp::ZERO, number);
        }
        let told = received.acknowledge(Timestamp::ZERO, &mut bits);
        assert!(told.contains(2101) && !told.contains(2100), "one is missing there");
        received.note(Timestamp::ZERO, 2100);
        let told = received.acknowledge(Timestamp::ZERO, &mut bits);
        assert_eq!(told.before, [u8::MAX; ALWAYS_TOLD]);
    }

    #[test]
    fn an_acknowledgement_is_no_longer_than_what_there_is_to_say() {
        let mut received = Received::default();
        let mut bits = [0; WORDS * 8];
        assert_eq!(received.acknowledge(Timestamp::ZERO, &mut bits).before, [0; 0]);
        received.note(Timestamp::ZERO, 1);
        assert_eq!(received.acknowledge(Timestamp::ZERO, &mut bits).before, [0; 0]);
        received.note(Timestamp::ZERO, 2);
        assert_eq!(received.acknowledge(Timestamp::ZERO, &mut bits).before, [1]);
        received.note(Timestamp::ZERO, 12);
        assert_eq!(received.acknowledge(Timestamp::ZERO, &mut bits).before, [0, 0b110]);
    }
}
