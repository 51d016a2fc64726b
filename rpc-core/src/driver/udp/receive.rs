//! Receiving until the socket would block, or the batch is full.

use core::sync::atomic::{AtomicUsize, Ordering};
use std::io::{self, IoSliceMut};

use quinn_udp::{RecvMeta, UdpSocketState};

use super::super::inbox::{Inbox, LENT_FROM, MOST_BYTES};
use super::super::socket::Readiness;
use super::errors::Meaning;
use super::{UdpLink, unmap};
use crate::config::BASE_DATAGRAM_SIZE;

/// How many buffers one detailed reception fills, each of which takes any datagram or train.
const DETAILED_BATCH: usize = 16;
/// How many while they are filled: the bound of a batch.
const FULL_BATCH: usize = 4;

/// How many receptions may fail in a row before the socket is left alone for a moment.
const MOST_FAILURES: usize = 16;

/// Notices that large messages arrive in datagrams so small that trains are worth their price, which
/// is paid for small calls as well: some time per reception.
#[derive(Default)]
pub(super) struct BulkDetector {
    seen: AtomicUsize,
}

impl BulkDetector {
    /// How many of them have to come in batches of at least `LEAST_BATCH` before it is believed.
    const ENOUGH: usize = 128;
    const LEAST_BATCH: usize = 8;
    /// Smaller ones carry small calls. Larger ones are not put together.
    const SIZES: core::ops::Range<usize> = BASE_DATAGRAM_SIZE..1 << 14;

    /// Whether a batch looks like a large message, by its sizes.
    fn may_be(&self, datagrams: usize, bytes: usize) -> bool {
        datagrams >= Self::LEAST_BATCH && Self::SIZES.contains(&(bytes / datagrams))
    }

    /// Takes note of such a batch, received by the holder of the seat. True when it is enough.
    fn is_enough(&self, datagrams: usize) -> bool {
        let seen = self.seen.load(Ordering::Relaxed) + datagrams;
        self.seen.store(seen, Ordering::Relaxed);
        // Once: a socket that cannot do it is not asked again.
        seen >= Self::ENOUGH && seen - datagrams < Self::ENOUGH
    }
}

impl UdpLink {
    pub(in super::super) fn receive(&self, inbox: &mut Inbox, limit: usize) -> Readiness {
        inbox.reclaim();
        match self.details.get() {
            None => self.receive_plain(inbox, limit),
            Some(details) => self.receive_detailed(details, inbox, limit),
        }
    }

    fn receive_plain(&self, inbox: &mut Inbox, limit: usize) -> Readiness {
        let mut failures = 0;
        let (mut datagrams, mut bytes) = (0, 0);
        let mut readiness = Readiness::MayBeReadable;
        let mut left = limit;
        while left > 0 {
            left -= 1;
            match self.calls.receive_from(&mut inbox.buffers(1)[0]) {
                Ok((length, from)) => {
                    inbox.land(0, unmap(from), None, length, length);
                    failures = 0;
                    datagrams += 1;
                    bytes += length;
                    if bytes >= MOST_BYTES {
                        break;
                    }
                    if length >= LENT_FROM {
                        // The rest of the message is behind it. An acknowledgement for each part would
                        // wake up its sender each time.
                        left = left.max(1);
                    }
                }
                Err(error) => {
                    if let Some(end) = self.end(&error, &mut failures) {
                        readiness = end;
                        break;
                    }
                }
            }
        }
        // Those of many peers are handshakes, which are as large as their answers may be.
        if self.bulk.may_be(datagrams, bytes)
            && inbox.is_of_one_peer()
            && self.bulk.is_enough(datagrams)
        {
            self.begin_details();
        }
        readiness
    }

    /// Receives trains from now on. Whatever is in the socket already is not in trains, which the
    /// detailed way takes as well.
    #[cold]
    fn begin_details(&self) {
        if let Ok(state) = self.calls.begin_details() {
            let _ = self.details.set(state);
        }
    }

    fn receive_detailed(
        &self,
        details: &UdpSocketState,
        inbox: &mut Inbox,
        limit: usize,
    ) -> Readiness {
        let most = if inbox.is_bulk() { FULL_BATCH } else { DETAILED_BATCH };
        let count = limit.min(most);
        let mut metas = [RecvMeta::default(); DETAILED_BATCH];
        let mut failures = 0;
        let (mut received, mut bytes) = (0, 0);
        while received < limit && bytes < MOST_BYTES {
            match self.receive_once(details, inbox, count, &mut metas) {
                Ok(filled) => {
                    received += filled.max(1);
                    failures = 0;
                    for (slot, meta) in metas[..filled].iter().enumerate() {
                        let local = meta.dst_ip.map(|address| address.to_canonical());
                        inbox.land(slot, unmap(meta.addr), local, meta.len, meta.stride);
                        bytes += meta.len;
                    }
                }
                Err(error) => match self.end(&error, &mut failures) {
                    Some(end) => return end,
                    None => received += 1,
                },
            }
        }
        Readiness::MayBeReadable
    }

    fn receive_once(
        &self,
        details: &UdpSocketState,
        inbox: &mut Inbox,
        count: usize,
        metas: &mut [RecvMeta; DETAILED_BATCH],
    ) -> io::Result<usize> {
        let mut buffers = inbox.buffers(count).iter_mut();
        // The tail of the array is empty slices, which are not handed over.
        let mut slices: [IoSliceMut<'_>; DETAILED_BATCH] = core::array::from_fn(|_| {
            IoSliceMut::new(buffers.next().map_or(&mut [][..], |buffer| &mut buffer[..]))
        });
        self.calls.receive_many(details, &mut slices[..count], metas)
    }

    /// Whether an error ends the batch, and how. Unless the socket would block the error is about one
    /// datagram, or about something that was sent to some other peer a while ago, and says nothing about
    /// the socket; only if there are nothing but errors is it left alone for a moment.
    fn end(&self, error: &io::Error, failures: &mut usize) -> Option<Readiness> {
        let meaning = Meaning::of(error);
        if meaning == Meaning::WouldBlock {
            return Some(Readiness::Drained);
        }
        self.errors.note(meaning);
        self.troubles.count_receive_error();
        *failures += 1;
        (*failures >= MOST_FAILURES).then_some(Readiness::Failing)
    }
}
