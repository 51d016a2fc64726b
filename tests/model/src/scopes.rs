//! The scopes that are checked.

use crate::mutation::Mutation;
use crate::scope::{BASE, Kind, Scope};

const ONE: &[Kind] = &[Kind::Plain];

/// Small enough for every test run.
pub const GATE: &[Scope] = &[
    Scope { name: "two calls, cancelled, refused", cancels: true, refuses: true, ..BASE },
    Scope {
        name: "one call, every packet kept",
        calls: ONE,
        cancels: true,
        refuses: true,
        retries: 1,
        keeps_all: true,
        ..BASE
    },
    Scope { name: "server restarts", calls: ONE, handshakes: 2, server_restarts: 1, ..BASE },
    Scope {
        name: "close and lease",
        calls: ONE,
        handshakes: 2,
        expires: true,
        closes: true,
        ..BASE
    },
    Scope {
        name: "client restarts, room for one session",
        calls: ONE,
        handshakes: 2,
        client_restarts: 1,
        sessions: 1,
        expires: true,
        ..BASE
    },
    Scope {
        name: "idempotent, busy",
        calls: &[Kind::Idempotent],
        refuses: true,
        retries: 1,
        ..BASE
    },
    Scope {
        name: "one-way and plain",
        calls: &[Kind::Oneway, Kind::Plain],
        closes: true,
        expires: true,
        ..BASE
    },
];

/// What takes minutes.
pub const LONG: &[Scope] = &[
    Scope { name: "two calls, every packet kept", cancels: true, keeps_all: true, ..BASE },
    Scope { name: "two lanes", lanes: 2, cancels: true, ..BASE },
    Scope { name: "three calls", calls: &[Kind::Plain; 3], cancels: true, ..BASE },
    Scope { name: "two calls, server restarts", handshakes: 2, server_restarts: 1, ..BASE },
    Scope {
        name: "one call, two restarts, all refusals",
        calls: ONE,
        handshakes: 3,
        server_restarts: 2,
        cancels: true,
        refuses: true,
        ..BASE
    },
    Scope { name: "two calls, close and lease", expires: true, closes: true, ..BASE },
    Scope {
        name: "two calls, client restarts, room for one session",
        handshakes: 2,
        client_restarts: 1,
        sessions: 1,
        expires: true,
        ..BASE
    },
    Scope {
        name: "idempotent and plain, server restarts, busy",
        calls: &[Kind::Idempotent, Kind::Plain],
        handshakes: 2,
        server_restarts: 1,
        retries: 1,
        ..BASE
    },
    Scope {
        name: "one-way and plain, server restarts",
        calls: &[Kind::Oneway, Kind::Plain],
        handshakes: 2,
        server_restarts: 1,
        closes: true,
        expires: true,
        ..BASE
    },
];

/// A small scope in which a mutation can be noticed.
pub fn of_mutation(mutation: Mutation) -> Scope {
    let one = Scope { name: "one call", calls: ONE, ..BASE };
    let two = Scope { name: "two calls", ..BASE };
    let restart = Scope { name: "server restarts", handshakes: 2, server_restarts: 1, ..one };
    let scope = match mutation {
        Mutation::RefusalNotStored | Mutation::JudgedBeforeLookedUp => {
            Scope { refuses: true, ..one }
        }
        Mutation::TakenCountsAsEntered => Scope { refuses: true, cancels: true, ..one },
        Mutation::FenceLeavesNoTombstone
        | Mutation::FencedCallStaysInQueue
        | Mutation::FenceIgnoresRunning => Scope { cancels: true, ..one },
        Mutation::NumberReusedAfterCancel => Scope { cancels: true, ..two },
        Mutation::SessionSurvivesRestart
        | Mutation::IncarnationNotCompared
        | Mutation::SentCallMadeAgain
        | Mutation::RestartSaysNotExecuted => restart,
        Mutation::ReplyFreedBeforeAcknowledged | Mutation::DeadlineSaysNotExecuted => one,
        Mutation::ActiveSessionExpires => Scope { expires: true, ..one },
        Mutation::QueueOutlivesSession => Scope { closes: true, ..one },
        Mutation::OnewayNotMarked => Scope { calls: &[Kind::Oneway], ..one },
        Mutation::NonceRepeated | Mutation::NonceNotCompared => {
            Scope { handshakes: 2, client_restarts: 1, ..two }
        }
        Mutation::OldAcknowledgementFrees
        | Mutation::LeftResultIsRecorded
        | Mutation::NumberOfAnswerNotCompared
        | Mutation::OldReplyNoted => two,
    };
    scope.with(mutation)
}
