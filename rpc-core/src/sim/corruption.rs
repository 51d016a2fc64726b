//! What a bad network does to the bytes of a datagram.

use core::fmt;

use bytes::Bytes;

use super::random::Random;

/// How a datagram was changed on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corruption {
    /// So many bits were inverted, anywhere; from one to eight.
    Flipped(u8),
    /// A run of bytes was overwritten.
    Overwritten(u16),
    /// So many bytes are missing at the end.
    Truncated(u16),
    /// So many bytes were added at the end.
    Extended(u16),
}

impl Corruption {
    /// A changed copy of `data`, always different from it. An empty datagram can only grow.
    pub(super) fn apply(data: &Bytes, random: &mut Random) -> (Self, Bytes) {
        let mut bytes = data.to_vec();
        let how = if bytes.is_empty() { 3 } else { random.below(4) };
        let corruption = match how {
            0 => flip(&mut bytes, random),
            1 => overwrite(&mut bytes, random),
            2 => truncate(&mut bytes, random),
            _ => extend(&mut bytes, random),
        };
        (corruption, bytes.into())
    }
}

fn flip(bytes: &mut [u8], random: &mut Random) -> Corruption {
    let count = 1 + random.below(8);
    let bits = bytes.len() as u64 * 8;
    // Evenly spaced from a random start, so that no bit is inverted back.
    let (start, step) = (random.below(bits), 1 + random.below((bits / count).max(1)));
    let count = count.min(bits);
    for index in 0..count {
        let bit = (start + index * step) % bits;
        bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
    }
    Corruption::Flipped(count as u8)
}

fn overwrite(bytes: &mut [u8], random: &mut Random) -> Corruption {
    let length = 1 + random.below(bytes.len().min(64) as u64);
    let start = random.below(bytes.len() as u64 - length + 1) as usize;
    let run = &mut bytes[start..start + length as usize];
    // The first byte surely changes.
    run[0] ^= 1 + random.below(255) as u8;
    for byte in &mut run[1..] {
        *byte = random.next_u64() as u8;
    }
    Corruption::Overwritten(length as u16)
}

fn truncate(bytes: &mut Vec<u8>, random: &mut Random) -> Corruption {
    let missing = 1 + random.below(bytes.len() as u64) as usize;
    bytes.truncate(bytes.len() - missing);
    Corruption::Truncated(missing as u16)
}

fn extend(bytes: &mut Vec<u8>, random: &mut Random) -> Corruption {
    let extra = 1 + random.below(32);
    bytes.extend((0..extra).map(|_| random.next_u64() as u8));
    Corruption::Extended(extra as u16)
}

impl fmt::Display for Corruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flipped(bits) => write!(f, "{bits} bits flipped"),
            Self::Overwritten(bytes) => write!(f, "{bytes} bytes overwritten"),
            Self::Truncated(bytes) => write!(f, "{bytes} bytes cut off"),
            Self::Extended(bytes) => write!(f, "{bytes} bytes appended"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corrupted_datagram_is_never_the_original() {
        let mut random = Random::new(1);
        let mut seen = [false; 4];
        for length in 0..200_usize {
            let data: Bytes = (0..length).map(|byte| byte as u8).collect();
            for _ in 0..20 {
                let (how, corrupted) = Corruption::apply(&data, &mut random);
                assert_ne!(corrupted, data, "{how}");
                seen[match how {
                    Corruption::Flipped(_) => 0,
                    Corruption::Overwritten(_) => 1,
                    Corruption::Truncated(_) => 2,
                    Corruption::Extended(_) => 3,
                }] = true;
            }
        }
        assert_eq!(seen, [true; 4]);
    }
}
