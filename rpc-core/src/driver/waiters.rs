//! Who waits for which call of a client.

use std::collections::BTreeMap;
use std::task::Waker;

use super::wakeups::Wakeups;
use crate::endpoint::client::CallKey;
use crate::sync::thread::{self, Thread};

/// Everybody who waits for something of one client, asleep or about to be.
#[derive(Default)]
pub(super) struct Waiters {
    /// Who is to be woken when the call with this index ends.
    by_call: Vec<Option<Waiter>>,
    /// The waiting threads, in the order in which they came.
    threads: BTreeMap<Ticket, Thread>,
    /// Those among the threads that wait for something other than the end of a call.
    observers: Vec<Ticket>,
    /// How many threads have been chosen to be woken and have not taken the lock since.
    coming: usize,
    tasks: usize,
    last_ticket: u64,
}

enum Waiter {
    Thread(Ticket),
    Task(Waker),
}

/// Names one waiting thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The end of a call.
    Call(CallKey),
    /// Anything that the server may send.
    News,
}

impl Waiters {
    /// Enters the present thread, which is about to park.
    pub(super) fn enter(&mut self, subject: Subject, replaced: &mut Option<Waker>) -> Ticket {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        self.threads.insert(ticket, thread::current());
        match subject {
            Subject::Call(key) => *replaced = self.set(key, Waiter::Thread(ticket)),
            Subject::News => self.observers.push(ticket),
        }
        ticket
    }

    /// Strikes out a thread that no longer waits.
    pub(super) fn leave(&mut self, subject: Subject, ticket: Ticket) {
        if self.threads.remove(&ticket).is_none() {
            self.coming -= 1;
        }
        match subject {
            Subject::Call(key) => {
                if let Some(place) = self.by_call.get_mut(key.index())
                    && matches!(place, Some(Waiter::Thread(other)) if *other == ticket)
                {
                    *place = None;
                }
            }
            Subject::News => {}
        }
        if !self.observers.is_empty() {
            self.observers.retain(|&other| other != ticket);
        }
    }

    /// Enters a task, and gives the one that it replaces. Dropping that runs the user's code, so it is
    /// not done here, under the lock.
    pub(super) fn enter_task(&mut self, key: CallKey, waker: Waker) -> Option<Waker> {
        self.tasks += 1;
        self.set(key, Waiter::Task(waker))
    }

    /// Whether `waker` is what is woken when the call ends.
    pub(super) fn has_task(&self, key: CallKey, waker: &Waker) -> bool {
        matches!(self.by_call.get(key.index()), Some(Some(Waiter::Task(known))) if known.will_wake(waker))
    }

    /// Whether any task waits, which nobody but the background thread would drive.
    pub(super) fn has_tasks(&self) -> bool {
        self.tasks > 0
    }

    /// The call ended: nobody needs to wait for it any longer.
    pub(super) fn finish(&mut self, key: CallKey, wakeups: &mut Wakeups) {
        match self.by_call.get_mut(key.index()).and_then(Option::take) {
            Some(Waiter::Thread(ticket)) => {
                if let Some(thread) = self.threads.remove(&ticket) {
                    self.coming += 1;
                    wakeups.add_thread(thread);
                }
            }
            Some(Waiter::Task(waker)) => {
                self.tasks -= 1;
                wakeups.add_task(waker);
            }
            None => {}
        }
    }

    /// The call is given up: its task, if there is one, is not woken but only dropped.
    pub(super) fn forget(&mut self, key: CallKey) -> Option<Waker> {
        let place = self.by_call.get_mut(key.index())?;
        match place.take()? {
            Waiter::Thread(_) => None,
            Waiter::Task(waker) => {
                self.tasks -= 1;
                Some(waker)
            }
        }
    }

    /// Something arrived: those look who do not wait for a call.
    pub(super) fn notify_observers(&self, wakeups: &mut Wakeups) {
        for ticket in &self.observers {
            if let Some(thread) = self.threads.get(ticket) {
                wakeups.add_thread(thread.clone());
            }
        }
    }

    /// A thread that can take the seat. It stays entered: it may find the seat taken.
    pub(super) fn heir(&self) -> Option<Thread> {
        self.threads.first_key_value().map(|(_, thread)| thread.clone())
    }

    /// Whether threads whose calls have ended are about to take the lock. Each of them passes the seat on when it
    /// leaves, if nobody has taken it.
    pub(super) fn are_coming(&self) -> bool {
        self.coming > 0
    }

    /// How many threads wait.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.threads.len()
    }

    /// Nobody needs to wait any longer.
    pub(super) fn dismiss_all(&mut self, wakeups: &mut Wakeups) {
        while let Some((_, thread)) = self.threads.pop_first() {
            self.coming += 1;
            wakeups.add_thread(thread);
        }
        self.observers.clear();
        for waiter in self.by_call.drain(..).flatten() {
            if let Waiter::Task(waker) = waiter {
                wakeups.add_task(waker);
            }
        }
        self.tasks = 0;
    }

    fn set(&mut self, key: CallKey, waiter: Waiter) -> Option<Waker> {
        if self.by_call.len() <= key.index() {
            self.by_call.resize_with(key.index() + 1, || None);
        }
        match self.by_call[key.index()].replace(waiter)? {
            Waiter::Task(waker) => {
                self.tasks -= 1;
                Some(waker)
            }
            // Two threads wait for one call; the older one looks whenever anything arrives.
            Waiter::Thread(ticket) => {
                self.observers.push(ticket);
                None
            }
        }
    }
}
