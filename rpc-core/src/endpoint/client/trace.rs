//! What tracing is told, once the endpoint's lock is free: a subscriber is the user's code.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::{CallKey, ClientEndpoint};

/// Where a call went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallTrace {
    /// The session.
    pub session: u64,
    /// The number in the session; the last one, if the call was submitted again.
    pub number: u64,
    /// The server's address.
    pub server: SocketAddr,
    /// How many copies of the request were sent beyond the first.
    pub retransmissions: u64,
}

/// What became of the client's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionNews {
    /// A handshake has begun.
    Handshake,
    /// There is a new session.
    Opened {
        /// Its id.
        session: u64,
        /// The server's address.
        server: SocketAddr,
    },
    /// The session lives on, perhaps from another address.
    Resumed {
        /// Its id.
        session: u64,
        /// The server's address.
        server: SocketAddr,
    },
    /// The server does not know the session any more.
    Lost {
        /// Its id.
        session: u64,
    },
}

/// News that nobody has asked for yet; the oldest are forgotten.
#[derive(Debug, Default)]
pub(super) struct Journal(VecDeque<SessionNews>);

impl Journal {
    const LONGEST: usize = 32;

    pub(super) fn note(&mut self, news: SessionNews) {
        if self.0.len() == Self::LONGEST {
            self.0.pop_front();
        }
        self.0.push_back(news);
    }
}

impl ClientEndpoint {
    /// Where a call went. `None` if it was never sent, or is not known.
    pub fn trace(&self, key: CallKey) -> Option<CallTrace> {
        self.calls.get(key)?.trace
    }

    /// What became of the session since this was last asked.
    pub fn take_news(&mut self) -> Vec<SessionNews> {
        self.journal.0.drain(..).collect()
    }

    /// A call was given a number in the present session.
    pub(super) fn note_start(&mut self, key: CallKey) {
        let Some(session) = self.session else { return };
        if let Some(call) = self.calls.get_mut(key) {
            let retransmissions = call.trace.map_or(0, |trace| trace.retransmissions);
            call.trace = Some(CallTrace {
                session: session.id,
                number: call.sequence,
                server: session.server,
                retransmissions,
            });
        }
    }
}
