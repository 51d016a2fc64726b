//! How much of the room for results one session may take.
//!
//! A method without a `max_reply` books one datagram, because nobody knows how large its result will be.
//! Once it has given a large one, its calls wait in the queue while much of their session is stored, so that
//! a client that starts many of them, or never takes what it asked for, does not use up everybody's
//! room. Calls of other methods do not wait.

use std::collections::BTreeSet;

use super::ServerEndpoint;
use super::records::{Phase, Record};
use super::session::Session;
use crate::config::ServerConfig;
use crate::wire::frame::VerdictCode;

/// While a session's large results take this part of `maximum_reply_bytes`, no more of them are made.
const SHARE: usize = 8;

/// This part of `maximum_reply_bytes` is not taken by large results that were not booked, so that small
/// calls go on.
const RESERVE: usize = 8;

/// The methods, by service, that gave large results which were not booked.
#[derive(Debug, Default)]
pub(super) struct LargeMethods(BTreeSet<(usize, u32)>);

impl LargeMethods {
    pub(super) fn note(&mut self, record: &Record) {
        if record.max_reply.is_none() {
            self.0.insert((record.service, record.method));
        }
    }

    /// Whether a call waits until its client has taken more of what is stored for it.
    pub(super) fn wait(&self, record: &Record, session: &Session, config: &ServerConfig) -> bool {
        session.stored >= config.maximum_reply_bytes / SHARE
            && record.max_reply.is_none()
            && self.0.contains(&(record.service, record.method))
    }
}

/// How many bytes a result may take that was not booked, when `others` are taken.
pub(super) fn left(config: &ServerConfig, others: usize) -> usize {
    let total = config.maximum_reply_bytes;
    (total - total / RESERVE).saturating_sub(others)
}

impl ServerEndpoint {
    /// A record with a large result was removed: those bytes are free for other calls of its session.
    pub(super) fn on_stored_freed(&mut self, index: u32, id: u64, bytes: usize) {
        if let Some(session) = self.sessions.get_mut(index).filter(|session| session.id == id) {
            session.stored -= bytes;
            self.unpark(index, id);
        }
    }

    /// Gives up the calls of a client that was silent for a lease and takes nothing of what is stored for
    /// it: they would wait for ever, and keep its session alive.
    pub(super) fn give_up_parked(&mut self, now: crate::time::Timestamp, session: u32) {
        let Some(parked) = self.sessions.get_mut(session).map(|it| core::mem::take(&mut it.parked))
        else {
            return;
        };
        for token in parked {
            let record = self.records.get(token);
            if matches!(record, Some(Record { phase: Phase::Queued { is_parked: true, .. }, .. })) {
                self.refuse_queued(now, token, VerdictCode::Abandoned);
            }
        }
    }
}
