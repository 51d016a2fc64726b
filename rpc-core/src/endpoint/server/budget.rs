//! The memory for arguments that come in parts.
//!
//! A message is charged for the memory that it takes, or for what its sender was told that it may send,
//! if that is more: then what was granted always finds room. The bytes that a sender may send unasked
//! are charged when they come. A declared length is charged to nobody.
//!
//! It stays charged until its call is taken to be run, so that a queue cannot fill the memory either.

use std::collections::{BTreeMap, BTreeSet};

use super::ServerEndpoint;
use super::incoming::CallToken;
use super::records::Phase;
use crate::time::Timestamp;

/// What a message is charged besides its bytes: its record, and its places in lines.
pub(super) const OVERHEAD: usize = 512;

/// What one message has of the budgets.
#[derive(Debug)]
pub(super) struct Share {
    /// Older messages have lower ones.
    pub(super) serial: u64,
    /// The memory that it takes.
    pub(super) allocated: usize,
    pub(super) charged: usize,
    /// When it is looked at for its time-out; never, once it is whole.
    pub(super) due: Timestamp,
}

/// What is charged to a group of messages: those of one session, or all.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) charged: usize,
    pub(super) by_age: BTreeMap<u64, CallToken>,
}

/// The memory of all messages, and their time-outs.
#[derive(Debug, Default)]
pub(super) struct Budget {
    pub(super) all: Account,
    /// Bytes of memory that they take.
    pub(super) allocated: usize,
    pub(super) due: BTreeSet<(Timestamp, CallToken)>,
    next_serial: u64,
}

impl Account {
    /// Whether a message may take `more` bytes of a budget. The oldest always may, or they could all
    /// wait for each other.
    pub(super) fn lets(&self, serial: u64, more: usize, budget: usize) -> bool {
        let is_oldest = self.by_age.first_key_value().is_none_or(|(&oldest, _)| oldest >= serial);
        is_oldest || more <= budget.saturating_sub(self.charged)
    }

    /// Whether there is no message.
    pub(super) fn is_empty(&self) -> bool {
        self.by_age.is_empty()
    }

    /// How many messages there are.
    #[cfg(any(test, feature = "sim"))]
    pub(super) fn len(&self) -> usize {
        self.by_age.len()
    }

    /// All messages, the oldest first.
    pub(super) fn tokens(&self) -> impl Iterator<Item = CallToken> {
        self.by_age.values().copied()
    }

    fn recharge(&mut self, before: usize, now: usize) {
        self.charged = self.charged - before + now;
    }
}

impl Budget {
    /// Whether one more message may begin.
    pub(super) fn lets_begin(&self, budget: usize) -> bool {
        self.all.lets(u64::MAX, OVERHEAD, budget)
    }
}

impl ServerEndpoint {
    /// Begins to charge a message.
    pub(super) fn open_share(&mut self, token: CallToken, due: Timestamp) {
        let Some(record) = self.records.get_mut(token) else { return };
        self.budget.next_serial += 1;
        let serial = self.budget.next_serial;
        record.share = Some(Box::new(Share { serial, allocated: 0, charged: 0, due }));
        let (session, id) = (record.session, record.session_id);
        self.budget.all.by_age.insert(serial, token);
        self.budget.due.insert((due, token));
        if let Some(account) = self.account(session, id) {
            account.by_age.insert(serial, token);
        }
        self.charge(token);
    }

    /// Charges a message for what it takes now.
    pub(super) fn charge(&mut self, token: CallToken) {
        let Some(record) = self.records.get_mut(token) else { return };
        let (allocated, granted) = match &record.phase {
            Phase::Receiving(receiving) => (receiving.allocated(), receiving.granted()),
            Phase::Queued { body, .. } => (body.len(), 0),
            _ => return,
        };
        let Some(share) = &mut record.share else { return };
        let charged = allocated.max(granted) + OVERHEAD;
        let before = (
            core::mem::replace(&mut share.allocated, allocated),
            core::mem::replace(&mut share.charged, charged),
        );
        let (session, id) = (record.session, record.session_id);
        self.budget.allocated = self.budget.allocated - before.0 + allocated;
        self.budget.all.recharge(before.1, charged);
        if let Some(account) = self.account(session, id) {
            account.recharge(before.1, charged);
        }
    }

    /// Gives back what a message was charged.
    pub(super) fn close_share(&mut self, token: CallToken) {
        let Some(record) = self.records.get_mut(token) else { return };
        let Some(share) = record.share.take() else { return };
        let (session, id) = (record.session, record.session_id);
        self.budget.allocated -= share.allocated;
        self.budget.all.recharge(share.charged, 0);
        self.budget.all.by_age.remove(&share.serial);
        self.budget.due.remove(&(share.due, token));
        let mut next = self.budget.all.tokens().next();
        if let Some(account) = self.account(session, id) {
            account.recharge(share.charged, 0);
            account.by_age.remove(&share.serial);
            let own = account.tokens().next();
            own.into_iter().for_each(|token| self.let_go_on(token));
            next = next.filter(|&next| own != Some(next));
        }
        next.into_iter().for_each(|token| self.let_go_on(token));
    }

    /// What is charged altogether, and to the sessions, for tests of their agreement.
    #[cfg(test)]
    pub(in crate::endpoint) fn charged(&self) -> (usize, usize) {
        let bulks = self.sessions.iter().filter_map(|session| session.bulk.as_ref());
        (self.budget.all.charged, bulks.map(|bulk| bulk.arguments.charged).sum())
    }

    /// What is charged to the messages of a session.
    fn account(&mut self, session: u32, id: u64) -> Option<&mut Account> {
        let session = self.sessions.get_mut(session).filter(|session| session.id == id)?;
        session.bulk.as_mut().map(|bulk| &mut bulk.arguments)
    }
}
