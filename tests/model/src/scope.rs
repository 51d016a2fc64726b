//! How far a check goes: how many calls, lanes, handshakes and misfortunes there are.

use crate::mutation::Mutation;

/// What kind of call it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It runs at most once.
    Plain,
    /// It may be made again after an unresolved try; its reply is not kept.
    Idempotent,
    /// Nobody waits for a reply.
    Oneway,
}

/// What a check explores, to the last state. There is no bound on the length of a run and none on how
/// often a message is lost, delivered again or overtaken.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// What it is called in the table.
    pub name: &'static str,
    /// The calls that are made, by whichever client process comes to it.
    pub calls: &'static [Kind],
    /// Lanes of a session.
    pub lanes: u8,
    /// Attempts to get or to resume a session, of all client processes together.
    pub handshakes: u8,
    /// Crashes of the server, each with a restart.
    pub server_restarts: u8,
    /// Crashes of the client, each with a new process at the same address.
    pub client_restarts: u8,
    /// How often a call is made again because the server was busy or kept no reply.
    pub retries: u8,
    /// Sessions that the server keeps at most.
    pub sessions: u8,
    /// Whether callers cancel.
    pub cancels: bool,
    /// Whether the server refuses calls, and gives up calls that it took.
    pub refuses: bool,
    /// Whether a client closes its session.
    pub closes: bool,
    /// Whether a session that is idle expires.
    pub expires: bool,
    /// Whether the network keeps messages that do nothing any more.
    pub keeps_all: bool,
    /// What is done wrong, if anything.
    pub mutation: Option<Mutation>,
}

impl Scope {
    /// Whether this is done wrong.
    pub(crate) fn is(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    /// With something done wrong.
    pub fn with(self, mutation: Mutation) -> Self {
        Self { keeps_all: true, mutation: Some(mutation), ..self }
    }
}

/// The least that has everything but restarts of the client: for mutations, and as a base.
pub(crate) const BASE: Scope = Scope {
    name: "base",
    calls: &[Kind::Plain, Kind::Plain],
    lanes: 1,
    handshakes: 1,
    server_restarts: 0,
    client_restarts: 0,
    retries: 0,
    sessions: 2,
    cancels: false,
    refuses: false,
    closes: false,
    expires: false,
    keeps_all: false,
    mutation: None,
};
