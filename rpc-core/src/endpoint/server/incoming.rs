//! A call as the server's host sees it: what comes out to be run, what goes back in.

use bytes::Bytes;

use crate::context::Context;
use crate::marshal::Body;

/// Names a running call. It stays harmless after the call's session or lane has moved on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallToken {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// A call that is to be run now.
#[derive(Debug)]
pub struct Ready {
    /// Names it in [`ServerEndpoint::complete`](super::ServerEndpoint::complete).
    pub token: CallToken,
    /// Which of the server's services it is for.
    pub service: usize,
    /// The id of the method.
    pub method: u32,
    /// The encoded arguments.
    pub body: Bytes,
    /// What the handler may know about it.
    pub context: Context,
    /// The session and the number in it, which tell a call of the client's from all others.
    #[cfg(feature = "tracing")]
    pub identity: (u64, u64),
}

/// What became of a call that was run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finished {
    /// The handler returned, and this is its encoded result.
    Reply(Body),
    /// The handler returned, and its result cannot be encoded.
    Unencodable {
        /// Why not.
        detail: String,
    },
    /// The handler of a one-way call returned.
    Nothing,
    /// The arguments could not be decoded; the handler was not entered.
    Undecodable {
        /// The argument and what was wrong with it.
        detail: String,
    },
    /// The service has no such method; nothing was entered.
    UnknownMethod,
    /// The handler was entered and panicked.
    Panicked {
        /// The panic's message.
        message: String,
    },
    /// The handler ended without an answer. It need not have been entered.
    Dropped,
}
