//! Messages that can be told from others.

use bytes::Bytes;

use super::Result;

/// How far apart the bytes are that a glance looks at: a prime, so that it finds parts that are exchanged.
const STEP: usize = 10_007;

/// What is sent, and what has to come back.
#[derive(Clone, Debug)]
pub struct Message {
    bytes: Bytes,
    check: Check,
}

/// How much of what comes back is compared with what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Every byte.
    Whole,
    /// The length, and a byte here and there: where to compare all of it would take the processor from
    /// whatever is measured meanwhile.
    Glance,
}

impl Message {
    /// Bytes that nothing on the way could guess, the same each time.
    pub fn new(size: usize, check: Check) -> Self {
        let mut data = vec![0; size];
        fastrand::Rng::with_seed(1).fill(&mut data);
        Self { bytes: data.into(), check }
    }

    /// What to send.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Compares what came back.
    ///
    /// # Errors
    /// When it has changed.
    pub fn check(&self, reply: &[u8]) -> Result<()> {
        let is_same = match self.check {
            Check::Whole => reply == self.bytes,
            Check::Glance => {
                reply.len() == self.bytes.len()
                    && reply.iter().step_by(STEP).eq(self.bytes.iter().step_by(STEP))
            }
        };
        if is_same { Ok(()) } else { Err("an echo came back changed".into()) }
    }

    /// Compares the length and the [`checksum`] of what has arrived at the other side.
    ///
    /// # Errors
    /// When they are not those of the message.
    pub fn check_upload(&self, length: u64, arrived: u64) -> Result<()> {
        if length != self.bytes.len() as u64 || arrived != checksum(&self.bytes) {
            return Err("an upload arrived changed".into());
        }
        Ok(())
    }
}

/// A sum that changes with each byte and with the order of the words.
pub fn checksum(data: &[u8]) -> u64 {
    let (words, rest) = data.as_chunks::<8>();
    let last = rest.iter().fold(rest.len() as u64, |sum, &byte| sum << 8 | u64::from(byte));
    words.iter().fold(last, |sum, word| {
        (sum.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    })
}
