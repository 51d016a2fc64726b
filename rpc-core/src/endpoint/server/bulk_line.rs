//! Which session has its turn to send parts of large results.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;

use crate::time::Timestamp;

/// How many bytes a session may send before it is another one's turn. They go to one address, so that
/// the host can hand them to the system together.
const TURN: usize = 64 * 1024;

/// Which sessions have parts to send, and when.
#[derive(Debug, Default)]
pub(super) struct BulkLine {
    pub(super) sessions: VecDeque<(u32, u64)>,
    /// How many bytes the first of them has sent in its turn.
    turn: usize,
    pub(super) timers: BTreeSet<(Timestamp, u32, u64)>,
    /// A moment, and how many bytes were given out at it.
    pub(super) moment: (Timestamp, usize),
    /// When the next bytes are given out, if those of one moment were.
    pub(super) paused_until: Option<Timestamp>,
    /// To whom the last datagrams went, in order; many in a row to the same session are one entry.
    pub(super) recent: VecDeque<(SocketAddr, u32, u64)>,
    /// Grows whenever a client confirms parts.
    pub(super) confirmed: u64,
}

impl BulkLine {
    #[cfg(any(test, feature = "sim"))]
    pub(super) fn entries(&self) -> usize {
        self.sessions.len() + self.timers.len()
    }

    /// When something is to be done.
    pub(super) fn timeout(&self) -> Option<Timestamp> {
        let timer = self.timers.first().map(|&(due, ..)| due);
        timer.into_iter().chain(self.paused_until).min()
    }

    /// A session is gone.
    pub(super) fn forget(&mut self, index: u32, id: u64, timer: Timestamp) {
        self.timers.remove(&(timer, index, id));
    }

    /// A datagram of so many bytes was given out.
    pub(super) fn note_sent(&mut self, to: SocketAddr, index: u32, id: u64, bytes: usize) {
        /// At least as many as are given out before the host has heard of their fate.
        const MOST: usize = 256;
        self.moment.1 += bytes;
        self.turn += bytes;
        if self.recent.back() != Some(&(to, index, id)) {
            if self.recent.len() >= MOST {
                self.recent.pop_front();
            }
            self.recent.push_back((to, index, id));
        }
    }

    /// Lets the next session have its turn, if the first has had its own.
    pub(super) fn rotate(&mut self) {
        if self.turn >= TURN {
            self.turn = 0;
            self.sessions.rotate_left(1);
        }
    }

    /// The first session has nothing more to send.
    pub(super) fn leave(&mut self) {
        self.turn = 0;
        self.sessions.pop_front();
    }
}
