//! How often one source may do what costs the server something: open a session, be told GONE.
//!
//! A source is an IPv4 address or an IPv6 /64. Loopback addresses may open as many sessions as they like:
//! whoever can send from there is on this machine already. Of hints each port of theirs gets as many as a
//! source, since each of them costs the server a system call. The table has a fixed size and a keyed hash,
//! so a flood of sources costs no memory; at worst two sources share a bucket.

use core::hash::Hasher as _;
use core::time::Duration;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use siphasher::sip::SipHasher13;

use crate::entropy::Entropy;
use crate::time::Timestamp;

const BUCKETS: usize = 1024;

/// An IPv4 address or an IPv6 /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Source(u64);

impl Source {
    /// The source of an address, or its port if that is all that tells it from others on this machine.
    pub(super) fn or_port(address: SocketAddr) -> Self {
        // No address begins with these bits.
        const PORT: u64 = 1 << 62;
        Self::of(address).unwrap_or(Self(PORT | u64::from(address.port())))
    }

    /// The source of an address; `None` for loopback, which is exempt.
    pub(super) fn of(address: SocketAddr) -> Option<Self> {
        let ip = address.ip().to_canonical();
        if ip.is_loopback() {
            return None;
        }
        Some(Self(match ip {
            IpAddr::V4(ip) => u64::from(u32::from(ip)),
            IpAddr::V6(ip) => (u128::from(ip) >> 64) as u64 | 1 << 63,
        }))
    }
}

/// Whether an address is one that a peer can have. Whoever gives another one, a group's or none, wants what
/// is sent back to reach many, or nobody.
pub(super) fn may_be_answered(address: SocketAddr) -> bool {
    let ip = address.ip().to_canonical();
    let is_of_all = ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST);
    !is_of_all && !ip.is_unspecified() && address.port() != 0
}

/// Token buckets by source.
#[derive(Clone, Debug)]
pub(super) struct RateLimit {
    key: [u8; 16],
    interval: Duration,
    burst: Duration,
    /// When each bucket will be full again. Allocated at first use: most servers never meet a
    /// stranger.
    full_at: Vec<Timestamp>,
}

impl RateLimit {
    /// `per_second` from each source, and bursts of twice as many.
    pub(super) fn new(per_second: u32, entropy: &mut dyn Entropy) -> Self {
        let mut key = [0; 16];
        entropy.fill(&mut key);
        let interval = Duration::from_secs(1) / per_second.max(1);
        let burst = interval * per_second.max(1).saturating_mul(2);
        Self { key, interval, burst, full_at: Vec::new() }
    }

    /// A checksum of the buckets.
    #[cfg(any(test, feature = "sim"))]
    pub(super) fn checksum(&self) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        self.full_at.iter().for_each(|at| hasher.write_u64(at.as_nanos()));
        hasher.finish()
    }

    /// How many buckets there are.
    #[cfg(feature = "sim")]
    pub(super) fn buckets(&self) -> usize {
        self.full_at.len()
    }

    /// Takes one from the bucket of `source`, if it has one.
    pub(super) fn allows(&mut self, now: Timestamp, source: Option<Source>) -> bool {
        let Some(Source(source)) = source else { return true };
        if self.full_at.is_empty() {
            self.full_at = vec![Timestamp::ZERO; BUCKETS];
        }
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write_u64(source);
        let full_at = &mut self.full_at[hasher.finish() as usize % BUCKETS];
        // The generic cell rate algorithm: the bucket is a point in time.
        let next = (*full_at).max(now) + self.interval;
        if next.since(now) > self.burst {
            return false;
        }
        *full_at = next;
        true
    }
}

/// How many sessions each source has.
#[derive(Clone, Debug, Default)]
pub(super) struct SessionCounts(HashMap<Source, usize>);

impl SessionCounts {
    pub(super) fn of(&self, source: Option<Source>) -> usize {
        source.and_then(|source| self.0.get(&source).copied()).unwrap_or(0)
    }

    /// How many sources have sessions.
    #[cfg(feature = "sim")]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn add(&mut self, source: Option<Source>) {
        if let Some(source) = source {
            *self.0.entry(source).or_default() += 1;
        }
    }

    pub(super) fn remove(&mut self, source: Option<Source>) {
        let Some(source) = source else { return };
        if let Some(count) = self.0.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    fn source(text: &str) -> Option<Source> {
        Source::of(text.parse().unwrap())
    }

    #[test]
    fn a_source_is_an_ipv4_address_or_an_ipv6_prefix() {
        assert_eq!(source("192.0.2.1:1"), source("192.0.2.1:2"));
        assert_eq!(source("192.0.2.1:1"), source("[::ffff:192.0.2.1]:1"));
        assert_ne!(source("192.0.2.1:1"), source("192.0.2.2:1"));
        assert_eq!(source("[2001:db8:0:1::1]:1"), source("[2001:db8:0:1:2:3:4:5]:9"));
        assert_ne!(source("[2001:db8:0:1::1]:1"), source("[2001:db8:0:2::1]:1"));
        assert_eq!(source("127.0.0.1:1"), None);
        assert_eq!(source("[::1]:1"), None);
    }

    #[test]
    fn each_port_of_this_machine_is_a_source_of_its_own() {
        let source = |text: &str| Source::or_port(text.parse().unwrap());
        assert_eq!(source("192.0.2.1:1"), source("192.0.2.1:2"));
        assert_eq!(source("127.0.0.1:1"), source("127.0.0.1:1"));
        assert_ne!(source("127.0.0.1:1"), source("127.0.0.1:2"));
        assert_ne!(source("127.0.0.1:1"), source("0.0.0.1:1"));
        assert_ne!(source("[::1]:1"), source("[4000::1]:1"));
    }

    #[test]
    fn a_burst_is_allowed_and_then_the_rate() {
        let mut limit = RateLimit::new(10, &mut Zeros);
        let stranger = source("192.0.2.1:1");
        let mut now = Timestamp::ZERO + Duration::from_secs(9);
        let allowed = (0..99).filter(|_| limit.allows(now, stranger)).count();
        assert_eq!(allowed, 20);
        now = now + Duration::from_millis(100);
        assert!(limit.allows(now, stranger));
        assert!(!limit.allows(now, stranger));
        assert!(limit.allows(now, None));
    }
}
