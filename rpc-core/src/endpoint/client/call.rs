//! A call as its host sees it: what goes in, what comes out.

use core::time::Duration;

use bytes::Bytes;

use crate::config::MessageLimits;
use crate::error::{CallErrorKind, Outcome};
use crate::marshal::Body;
use crate::marshal::EncodeError;

/// A call to be made.
#[derive(Clone, Debug)]
pub struct NewCall {
    /// The id of the interface.
    pub interface: u32,
    /// The id of the method.
    pub method: u32,
    /// The hash of the method's signature.
    pub signature: u32,
    /// Whether it may be run again at any later time.
    pub is_idempotent: bool,
    /// Whether nobody waits for a reply.
    pub is_oneway: bool,
    /// How long the caller is prepared to wait; `None` is for ever.
    pub deadline: Option<Duration>,
    /// How large its messages may be, where its method says so.
    pub limits: MessageLimits,
    /// The encoded arguments.
    pub body: Body,
    /// Why the arguments could not be encoded. Such a call is not sent and ends at once.
    pub fault: Option<EncodeError>,
}

/// Names a call within one client endpoint, from its submission to its release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallKey {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl CallKey {
    /// A small number that no other unreleased call of this endpoint has.
    pub fn index(self) -> usize {
        self.index as usize
    }
}

/// How a call ended: its encoded result, or what is known of its failure.
pub type Completion = Result<Bytes, Failure>;

/// A failed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Whether it may have run.
    pub outcome: Outcome,
    /// Why it failed.
    pub kind: CallErrorKind,
}

/// How many bytes of a call's messages have been moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transfer {
    /// Bytes of the encoded arguments that have arrived at the server without a gap. What fits one datagram
    /// counts when the server is heard of the call.
    pub sent: usize,
    /// How many bytes the encoded arguments have.
    pub request: usize,
    /// Bytes of the encoded result that have arrived without a gap.
    pub received: usize,
    /// How many bytes the encoded result has, as soon as that is known.
    pub reply: Option<usize>,
}

/// How far an open call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallStatus {
    /// It waits for a session or for a free lane; nothing was sent.
    Waiting,
    /// It was sent, and nothing was heard of it yet.
    Sent,
    /// The server has it and will run it when a worker is free.
    Queued {
        /// How many calls are before it.
        position: u32,
    },
    /// The server is working on it.
    Running {
        /// For how long, as far as is known.
        elapsed: Duration,
        /// How long ago the handler last reported its progress; `None` if it never did.
        reported: Option<Duration>,
        /// Units of work that are done.
        done: u64,
        /// Units of work altogether; zero if that is not known.
        total: u64,
    },
    /// It has ended.
    Finished,
}
