//! The integrity field: CRC-32C (RFC 3720, section 12.1, where it is the iSCSI digest).
//!
//! It finds accidents: every change of up to three bits and every burst of up to 32 bits in a
//! datagram of any size. It is no protection against an attacker.

/// The length of the integrity field in bytes.
pub const LENGTH: usize = 4;

/// Appends the integrity field to the datagram that begins at `start` of `out`.
pub fn seal(out: &mut Vec<u8>, start: usize) {
    let checksum = crc32c(&out[start..]);
    out.extend_from_slice(&checksum.to_be_bytes());
}

/// The datagram without its integrity field, or `None` if that does not match.
pub fn verify(datagram: &[u8]) -> Option<&[u8]> {
    let (content, field) = datagram.split_last_chunk::<LENGTH>()?;
    (crc32c(content) == u32::from_be_bytes(*field)).then_some(content)
}

/// The CRC-32C of `bytes`, by the processor's own instructions where it has them.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// The CRC-32C of what gave `crc`, followed by `bytes`.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub fn crc32c_append(crc: u32, bytes: &[u8]) -> u32 {
    use crc_fast::{CrcAlgorithm, Digest};

    // The state is the register, whose complement is the checksum.
    let mut digest = Digest::new_with_init_state(CrcAlgorithm::Crc32Iscsi, u64::from(!crc));
    digest.update(bytes);
    digest.finalize() as u32
}

/// The CRC-32C of `bytes`.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn crc32c(bytes: &[u8]) -> u32 {
    portable::crc32c_append(0, bytes)
}

/// The CRC-32C of what gave `crc`, followed by `bytes`.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn crc32c_append(crc: u32, bytes: &[u8]) -> u32 {
    portable::crc32c_append(crc, bytes)
}

/// The CRC-32C of a message as far as its bytes were seen in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunningChecksum {
    checksum: u32,
    length: usize,
}

impl RunningChecksum {
    /// Sees the bytes at `offset`, as far as they are new and follow what was seen.
    pub fn see(&mut self, offset: usize, bytes: &[u8]) {
        let new = self.length.checked_sub(offset).and_then(|known| bytes.get(known..));
        if let Some(new) = new {
            self.checksum = crc32c_append(self.checksum, new);
            self.length += new.len();
        }
    }

    /// The checksum of the first bytes, and how many those are.
    pub fn so_far(self) -> (u32, usize) {
        (self.checksum, self.length)
    }
}

/// The definition: the `crc` crate's parameters of CRC-32C, with its widest table.
#[cfg(any(test, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod portable {
    use crc::{CRC_32_ISCSI, Crc, Table};

    static CASTAGNOLI: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

    pub(super) fn crc32c_append(crc: u32, bytes: &[u8]) -> u32 {
        // The parameters reflect and complement: the register that `crc` came from is its complement,
        // and the crate expects an initial value in the unreflected form.
        let mut digest = CASTAGNOLI.digest_with_initial((!crc).reverse_bits());
        digest.update(bytes);
        digest.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_is_the_standards() {
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        // RFC 3720, section B.4: 32 bytes of zeros, and of ones.
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
        assert_eq!(crc32c(&[0xFF; 32]), 0x62A8_AB43);
    }

    #[test]
    fn hardware_and_definition_agree_in_every_length_and_split() {
        let bytes: Vec<u8> = (0..300_u32).map(|n| (n.wrapping_mul(167) >> 3) as u8).collect();
        for length in 0..bytes.len() {
            let whole = crc32c(&bytes[..length]);
            assert_eq!(whole, portable::crc32c_append(0, &bytes[..length]));
            let (front, back) = bytes[..length].split_at(length / 3);
            assert_eq!(whole, crc32c_append(crc32c(front), back));
            assert_eq!(whole, portable::crc32c_append(crc32c(front), back));
        }
    }

    #[test]
    fn a_running_checksum_is_that_of_what_was_seen_in_order() {
        let bytes: Vec<u8> = (0..100).collect();
        let mut running = RunningChecksum::default();
        for (range, seen) in
            [(0..10, 10), (20..30, 10), (5..8, 10), (5..25, 25), (25..25, 25), (25..100, 100)]
        {
            running.see(range.start, &bytes[range]);
            assert_eq!(running.so_far(), (crc32c(&bytes[..seen]), seen));
        }
    }

    #[test]
    fn every_single_bit_counts() {
        let mut datagram = b"\xFA\xCA\x01\x00 some bytes".to_vec();
        seal(&mut datagram, 0);
        assert!(verify(&datagram).is_some());
        for bit in 0..datagram.len() * 8 {
            datagram[bit / 8] ^= 1 << (bit % 8);
            assert!(verify(&datagram).is_none(), "bit {bit}");
            datagram[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
