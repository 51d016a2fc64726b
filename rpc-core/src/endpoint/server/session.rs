//! Sessions: what a server keeps of each client, and how it finds them.

use core::hash::{BuildHasher, Hasher};
use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use super::bulk::Bulk;
use super::incoming::CallToken;
use super::sources::Source;
use super::window::{OnewayWindow, Window};
use crate::time::Timestamp;
use crate::wire::frame::{PlainAnswer, Subject, VerdictCode};

/// One session.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: u64,
    /// The nonce of the OPEN that made it and where that came from, so that a copy of that OPEN makes
    /// no second one.
    pub(super) origin: (u128, SocketAddr),
    /// The address that a cookie last proved.
    pub(super) address: SocketAddr,
    /// When that cookie was issued, in milliseconds.
    pub(super) proved_at: u64,
    /// The local address to answer from.
    pub(super) local: Option<IpAddr>,
    pub(super) source: Option<Source>,
    pub(super) window: Window,
    pub(super) oneway: OnewayWindow,
    pub(super) last_heard: Timestamp,
    /// The largest result that the client takes, in bytes.
    pub(super) largest_reply: u32,
    /// How many bytes of large messages the client's socket surely holds.
    pub(super) receive_window: u32,
    /// What moves its large messages, once there was one.
    pub(super) bulk: Option<Box<Bulk>>,
    /// Calls that are received in parts, queued or running, those of left lanes included. The session cannot expire
    /// while there are any.
    pub(super) unfinished: usize,
    /// Handlers that run, those of left lanes included.
    pub(super) running: usize,
    /// Queued calls that wait until fewer of this session's handlers run, or less is stored for it.
    pub(super) parked: VecDeque<CallToken>,
    /// Bytes of large results that are stored.
    pub(super) stored: usize,
    /// Answers that wait to be sent.
    pub(super) answers: VecDeque<QueuedAnswer>,
}

/// An answer that waits to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum QueuedAnswer {
    /// Whatever can be said about a recorded call at the moment of sending. A record has at most one
    /// of these, so a flood of copies cannot make the queue grow.
    Recorded { record: u32, generation: u32 },
    /// A verdict without a detail.
    Verdict { subject: Subject, received_at: Timestamp, code: VerdictCode },
    /// Another call than the lane's, whose content has this digest, came under the lane's number.
    Misuse { subject: Subject, received_at: Timestamp, digest: u32 },
    /// An answer that is nothing but its kind.
    Plain { subject: Subject, received_at: Timestamp, answer: PlainAnswer },
    /// Which datagrams with parts have arrived, and how much of this message is taken.
    Arrived { lane: u16, sequence: u64 },
}

impl QueuedAnswer {
    /// Whether it is a refusal of this call.
    fn refuses(&self, call: Subject) -> bool {
        match self {
            Self::Verdict { subject, .. } | Self::Misuse { subject, .. } => {
                (subject.lane, subject.sequence) == (call.lane, call.sequence)
            }
            _ => false,
        }
    }
}

/// The most answers that wait in one session; what is beyond is dropped, as if it were lost. The
/// host empties the queue after each batch of datagrams, so only a flood gets here.
const MAXIMUM_ANSWERS: usize = 16_384;

/// For how many answers a session keeps memory: those of a busy one would take it again at once.
pub(super) const KEPT_ANSWERS: usize = 512;

/// The same whenever a session is looked at for its expiry, which most are while they are idle.
pub(super) const KEPT_ANSWERS_AT_CHECKS: usize = 16;

impl Session {
    /// Its calls that wait for a worker, those included whose arguments have not arrived whole.
    pub(super) fn waiting(&self) -> usize {
        self.unfinished.saturating_sub(self.running)
    }

    /// Puts an answer into the queue. False if there is no room for it.
    pub(super) fn queue(&mut self, answer: QueuedAnswer) -> bool {
        if self.answers.len() >= MAXIMUM_ANSWERS {
            return false;
        }
        self.answers.push_back(answer);
        true
    }

    /// Whether a refusal of this call is among the last answers that wait: many parts of one message may
    /// arrive together.
    pub(super) fn has_refusal(&self, subject: Subject) -> bool {
        self.answers.iter().rev().take(16).any(|answer| answer.refuses(subject))
    }

    /// Gives the memory of the queue back if it is empty and has room for more answers than `kept`.
    pub(super) fn trim(&mut self, kept: usize) {
        if self.answers.is_empty() && self.answers.capacity() > kept {
            self.answers = VecDeque::new();
        }
    }
}

/// All sessions. An index names a session for as long as it lives and may name another one later;
/// whoever keeps an index keeps the id as well.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    slots: Vec<Option<Box<Session>>>,
    free: Vec<u32>,
    by_id: HashMap<u64, u32, SessionIdHashing>,
    by_origin: HashMap<(u128, SocketAddr), u32>,
}

impl Sessions {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn index_of(&self, id: u64) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    pub(super) fn index_of_origin(&self, origin: (u128, SocketAddr)) -> Option<u32> {
        self.by_origin.get(&origin).copied()
    }

    pub(super) fn get(&self, index: u32) -> Option<&Session> {
        self.slots.get(index as usize)?.as_deref()
    }

    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut Session> {
        self.slots.get_mut(index as usize)?.as_deref_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Session> {
        self.slots.iter().filter_map(Option::as_deref)
    }

    pub(super) fn insert(&mut self, session: Session) -> u32 {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("the limit on sessions is a 32-bit number")
        });
        self.by_id.insert(session.id, index);
        self.by_origin.insert(session.origin, index);
        self.slots[index as usize] = Some(Box::new(session));
        index
    }

    pub(super) fn remove(&mut self, index: u32) -> Option<Box<Session>> {
        let session = self.slots.get_mut(index as usize)?.take()?;
        self.by_id.remove(&session.id);
        self.by_origin.remove(&session.origin);
        self.free.push(index);
        Some(session)
    }
}

/// How session ids are hashed: once for each datagram, and therefore cheaply.
///
/// The ids in the table are random numbers of the server's own, so they are spread already. A client may ask
/// for any id, and may close those of its sessions that it does not like, so the places in the table are
/// made by a secret multiplication: nobody knows which ids would meet in one place.
#[derive(Clone, Debug)]
struct SessionIdHashing {
    /// Never zero.
    factor: u64,
}

impl Default for SessionIdHashing {
    fn default() -> Self {
        Self { factor: RandomState::new().hash_one(()) | 1 }
    }
}

impl BuildHasher for SessionIdHashing {
    type Hasher = SessionIdHasher;

    fn build_hasher(&self) -> SessionIdHasher {
        SessionIdHasher { factor: self.factor, hash: 0 }
    }
}

/// See [`SessionIdHashing`].
struct SessionIdHasher {
    factor: u64,
    hash: u64,
}

impl Hasher for SessionIdHasher {
    fn write_u64(&mut self, id: u64) {
        // The table looks at the highest and the lowest bits. The lowest of the product depend on the lowest
        // of the id alone; in the middle every bit of both factors counts.
        let product = u128::from(id) * u128::from(self.factor);
        self.hash = (product >> 64) as u64 ^ product as u64;
    }

    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("an id is one number");
    }

    fn finish(&self) -> u64 {
        self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_are_alike_are_spread() {
        // As a client would choose them that knows nothing of the factor.
        for shift in [0, 8, 16, 32, 48] {
            let hashing = SessionIdHashing { factor: 0x9E37_79B9_7F4A_7C15 };
            let mut places = vec![0; 1024];
            for id in 0..1024_u64 {
                places[hashing.hash_one(id << shift) as usize % 1024] += 1;
            }
            assert!(places.iter().all(|&ids| ids < 16), "shifted by {shift}: {places:?}");
        }
    }
}
