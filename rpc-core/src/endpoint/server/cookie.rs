//! Cookies: proof of an address without keeping anything about it.
//!
//! A cookie is a key id (4 bytes), the time of issue in milliseconds (8) and a keyed MAC over both,
//! the nonce and the address (16; SipHash-2-4 with 128 bits of output, Aumasson & Bernstein 2012).
//! Two keys are valid at any time, so that rotation never invalidates a cookie that was just issued.

use core::hash::Hasher as _;
use core::time::Duration;
use std::net::{IpAddr, SocketAddr};

use siphasher::sip128::{Hasher128 as _, SipHasher24};
use subtle::ConstantTimeEq as _;

use crate::entropy::Entropy;
use crate::time::Timestamp;
use crate::wire::handshake::{COOKIE_LENGTH, Cookie};

/// Issues and checks cookies.
#[derive(Clone, Debug)]
pub(super) struct CookieJar {
    lifetime: Duration,
    keys: [[u8; 16]; 2],
    current: u32,
    rotated_at: Timestamp,
}

impl CookieJar {
    pub(super) fn new(lifetime: Duration, entropy: &mut dyn Entropy, now: Timestamp) -> Self {
        let mut keys = [[0; 16]; 2];
        keys.iter_mut().for_each(|key| entropy.fill(key));
        Self { lifetime, keys, current: 0, rotated_at: now }
    }

    /// A cookie for `address`, which must come back with the same nonce.
    pub(super) fn issue(
        &mut self,
        now: Timestamp,
        nonce: u128,
        address: SocketAddr,
        entropy: &mut dyn Entropy,
    ) -> Cookie {
        // Both keys together cover two periods, each several lifetimes long.
        if now.since(self.rotated_at) >= self.lifetime * 4 {
            self.current = self.current.wrapping_add(1);
            entropy.fill(&mut self.keys[self.current as usize % 2]);
            self.rotated_at = now;
        }
        self.bake(self.current, milliseconds(now), nonce, address)
    }

    /// When `cookie` was issued, in milliseconds, if that was for this nonce and address and not too
    /// long ago.
    pub(super) fn accepts(
        &self,
        now: Timestamp,
        cookie: &Cookie,
        nonce: u128,
        address: SocketAddr,
    ) -> Option<u64> {
        let (key_id, rest) = cookie.split_first_chunk().expect("a cookie has a key id");
        let (issued_at, _) = rest.split_first_chunk().expect("a cookie has a time of issue");
        let key_id = u32::from_be_bytes(*key_id);
        let issued_at = u64::from_be_bytes(*issued_at);
        let is_known_key = key_id == self.current || key_id == self.current.wrapping_sub(1);
        let age = milliseconds(now).checked_sub(issued_at);
        let is_accepted = is_known_key
            && age.is_some_and(|age| u128::from(age) <= self.lifetime.as_millis())
            && bool::from(self.bake(key_id, issued_at, nonce, address).ct_eq(cookie));
        is_accepted.then_some(issued_at)
    }

    fn bake(&self, key_id: u32, issued_at: u64, nonce: u128, address: SocketAddr) -> Cookie {
        let mut mac = SipHasher24::new_with_key(&self.keys[key_id as usize % 2]);
        mac.write(&key_id.to_be_bytes());
        mac.write(&issued_at.to_be_bytes());
        mac.write(&nonce.to_be_bytes());
        // An IPv4 address is the same whether or not a dual-stack socket dressed it up; the length in
        // front keeps the two families apart.
        match address.ip().to_canonical() {
            IpAddr::V4(ip) => {
                mac.write(&[4]);
                mac.write(&ip.octets());
            }
            IpAddr::V6(ip) => {
                mac.write(&[16]);
                mac.write(&ip.octets());
            }
        }
        if let SocketAddr::V6(address) = address {
            mac.write(&address.scope_id().to_be_bytes());
        }
        mac.write(&address.port().to_be_bytes());
        let mut cookie = [0; COOKIE_LENGTH];
        cookie[..4].copy_from_slice(&key_id.to_be_bytes());
        cookie[4..12].copy_from_slice(&issued_at.to_be_bytes());
        cookie[12..].copy_from_slice(&mac.finish128().as_bytes());
        cookie
    }
}

fn milliseconds(now: Timestamp) -> u64 {
    now.as_nanos() / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(u8);

    impl Entropy for Counting {
        fn fill(&mut self, bytes: &mut [u8]) {
            for byte in bytes {
                self.0 = self.0.wrapping_mul(5).wrapping_add(1);
                *byte = self.0;
            }
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::ZERO + SECOND * u32::try_from(seconds).unwrap()
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_cookie_proves_its_address_and_nonce_for_its_lifetime_only() {
        let mut entropy = Counting(1);
        let mut jar = CookieJar::new(SECOND * 15, &mut entropy, at(0));
        let home = address("192.0.2.1:700");
        let cookie = jar.issue(at(1), 7, home, &mut entropy);
        assert!(jar.accepts(at(1), &cookie, 7, home).is_some());
        assert!(jar.accepts(at(16), &cookie, 7, home).is_some());
        assert!(jar.accepts(at(17), &cookie, 7, home).is_none(), "too old");
        assert!(jar.accepts(at(0), &cookie, 7, home).is_none(), "from the future");
        assert!(jar.accepts(at(1), &cookie, 8, home).is_none(), "another nonce");
        assert!(jar.accepts(at(1), &cookie, 7, address("192.0.2.1:701")).is_none(), "another port");
        assert!(jar.accepts(at(1), &cookie, 7, address("192.0.2.2:700")).is_none(), "another host");
        assert!(jar.accepts(at(1), &cookie, 7, address("192.0.2.1:700")).is_some());
        for bit in 0..COOKIE_LENGTH * 8 {
            let mut forged = cookie;
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(jar.accepts(at(1), &forged, 7, home).is_none(), "bit {bit}");
        }
    }

    #[test]
    fn rotation_keeps_fresh_cookies_valid_and_ends_old_ones() {
        let mut entropy = Counting(1);
        let mut jar = CookieJar::new(SECOND * 15, &mut entropy, at(0));
        let home = address("[2001:db8::1]:700");
        let before = jar.issue(at(59), 7, home, &mut entropy);
        let after = jar.issue(at(60), 7, home, &mut entropy);
        assert_ne!(before[..4], after[..4], "the key was rotated");
        assert!(jar.accepts(at(70), &before, 7, home).is_some());
        assert!(jar.accepts(at(70), &after, 7, home).is_some());
    }
}
