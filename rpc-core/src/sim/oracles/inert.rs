//! A datagram that fails integrity changes nothing (S19, S20), and every datagram ends in one counter (S29).

use super::violation::{Verdict, ensure};
use crate::endpoint::Inspect;
use crate::time::Timestamp;
use crate::wire::{DATAGRAM_OVERHEAD, MAGIC, VERSION, integrity};

/// The whole state is compared for so many damaged datagrams of an endpoint, then for every
/// [`SELDOM`]th.
const ALWAYS: u64 = 4;
const SELDOM: u64 = 64;

/// An endpoint that holds more bytes of messages is not compared: it would take too long.
const HEAVY: usize = 32 * 1024;

/// An endpoint before it gets a datagram.
pub(super) struct Before {
    datagrams: u64,
    accepted: u64,
    dropped: u64,
    is_damaged: bool,
    timeout: Option<Timestamp>,
    digest: Option<u64>,
}

impl Before {
    pub(super) fn new(endpoint: &impl Inspect, datagram: &[u8]) -> Self {
        let counters = endpoint.received();
        let is_damaged = is_damaged(datagram);
        let dropped = counters.dropped_total();
        let has_turn = is_damaged && (dropped < ALWAYS || dropped.is_multiple_of(SELDOM));
        let is_compared = has_turn && endpoint.weight() < HEAVY;
        Self {
            datagrams: counters.datagrams,
            accepted: counters.accepted,
            dropped,
            is_damaged,
            timeout: endpoint.poll_timeout(),
            digest: is_compared.then(|| endpoint.digest()),
        }
    }

    /// Whether the datagram was accepted.
    pub(super) fn has_accepted(&self, endpoint: &impl Inspect) -> bool {
        endpoint.received().accepted > self.accepted
    }

    pub(super) fn check(&self, endpoint: &impl Inspect) -> Verdict {
        let counters = endpoint.received();
        let (accepted, dropped) = (counters.accepted, counters.dropped_total());
        ensure!(
            counters.datagrams == self.datagrams + 1
                && accepted + dropped == self.accepted + self.dropped + 1
                && accepted + dropped == counters.datagrams,
            "S29",
            "a datagram is not in exactly one counter: {} came, {accepted} were accepted, {dropped} \
             dropped",
            counters.datagrams
        );
        if !self.is_damaged {
            return Ok(());
        }
        ensure!(
            accepted == self.accepted,
            "S20",
            "a datagram was accepted whose checksum does not match"
        );
        let is_same = self.timeout == endpoint.poll_timeout()
            && self.digest.is_none_or(|digest| digest == endpoint.digest());
        ensure!(is_same, "S19", "a datagram whose checksum does not match changed the endpoint");
        Ok(())
    }
}

/// Whether the checksum of a datagram of our version does not match. It is computed here and not where
/// the endpoints do it, so that a mistake there is seen.
fn is_damaged(datagram: &[u8]) -> bool {
    // What is of another version is answered without a look at its checksum, which may be another one.
    if datagram.len() < DATAGRAM_OVERHEAD
        || datagram[..2] != MAGIC.to_be_bytes()
        || datagram[2] != VERSION
    {
        return false;
    }
    let (content, sum) = datagram.split_at(datagram.len() - integrity::LENGTH);
    integrity::crc32c(content).to_be_bytes() != sum
}
