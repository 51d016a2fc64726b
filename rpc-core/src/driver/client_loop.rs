//! How the threads of a client share the driving of it.
//!
//! A thread that waits for a reply takes the seat if it is free and then sends, sleeps and receives on
//! its own stack, so that a synchronous call crosses no thread. If somebody else leads it sends its
//! own request, or leaves that to a leader that is awake, parks, and is woken when its call has ended or when the seat has become free.

use core::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Waker;

use super::background::{self, Background, park};
use super::client::Resolve;
use super::keeper::Alarm;
use super::outbox::Outbox;
use super::seat::{Core, Leader, Role, Shared};
use super::waiters::{Subject, Waiters};
use super::wakeups::Wakeups;
use crate::endpoint::client::{CallKey, Completion, NewCall};
use crate::endpoint::{ClientEndpoint, Machine};
use crate::sync::{MutexGuard, thread};
use crate::time::Timestamp;

/// What the callers and the background thread of a client share.
pub(super) struct ClientLoop {
    pub(super) shared: Shared<ClientRole>,
    pub(super) resolve: Option<Resolve>,
    /// How long the background thread leaves a client alone that others drive.
    pub(super) idle_delay: Duration,
    pub(super) alarm: Alarm,
}

/// A client's endpoint and those who wait for it.
pub(super) struct ClientRole {
    pub(super) endpoint: ClientEndpoint,
    pub(super) background: Background,
    pub(super) waiters: Waiters,
    /// Whether calls that nobody will ask for any more may be open.
    pub(super) has_detached: bool,
    /// Whether there is a way to resolve the server's name again.
    resolves: bool,
    /// Whether that should be done.
    pub(super) wants_servers: bool,
    /// When the last call was submitted.
    last_call_at: Timestamp,
    pub(super) is_closed: bool,
}

impl ClientRole {
    pub(super) fn new(endpoint: ClientEndpoint, resolves: bool) -> Self {
        Self {
            endpoint,
            background: Background::new(),
            waiters: Waiters::default(),
            has_detached: false,
            resolves,
            wants_servers: false,
            last_call_at: Timestamp::ZERO,
            is_closed: false,
        }
    }

    /// Submits a call.
    pub(super) fn submit(&mut self, now: Timestamp, call: NewCall) -> CallKey {
        self.last_call_at = now;
        self.endpoint.submit(now, call)
    }

    /// Hands out how a call ended, if it has. Another call may have its place from then on, so its waiter is
    /// struck out at once: it is left in `forgotten`, to be dropped when the lock is free.
    pub(super) fn take_completion(
        &mut self,
        key: CallKey,
        forgotten: &mut Option<Waker>,
    ) -> Option<Completion> {
        let completion = self.endpoint.take_completion(key)?;
        *forgotten = self.waiters.forget(key);
        Some(completion)
    }

    /// Strikes out whoever waits for a call that is given up, unless its place is another call's by now.
    pub(super) fn forget(&mut self, key: CallKey) -> Option<Waker> {
        if self.endpoint.knows(key) { self.waiters.forget(key) } else { None }
    }

    /// Whether somebody should lead although no thread waits for a reply.
    pub(super) fn wants_leader(&mut self) -> bool {
        if self.is_closed {
            return false;
        }
        let has_open_calls = self.endpoint.open_calls() > 0;
        self.has_detached &= has_open_calls;
        // Without a session a call has not even been sent, and its caller may do something else for
        // a long time before it waits.
        self.waiters.has_tasks()
            || self.has_detached
            || self.endpoint.is_moving()
            || (has_open_calls && !self.endpoint.has_session())
    }

    /// Looks what came of the calls. True if any has ended.
    fn collect(&mut self, has_news: bool, wakeups: &mut Wakeups) -> bool {
        let mut has_ended = false;
        while let Some(key) = self.endpoint.poll_finished() {
            has_ended = true;
            self.waiters.finish(key, wakeups);
        }
        if has_news {
            self.waiters.notify_observers(wakeups);
        }
        if self.resolves && self.endpoint.wants_servers() {
            self.wants_servers = true;
            self.background.summon(wakeups);
        }
        has_ended
    }
}

impl Role for ClientRole {
    type Machine = ClientEndpoint;

    fn machine(&mut self) -> &mut ClientEndpoint {
        &mut self.endpoint
    }

    fn on_refused(&mut self, now: Timestamp, peer: SocketAddr) {
        self.endpoint.handle_refused(now, peer);
    }

    fn on_death(&mut self, wakeups: &mut Wakeups) {
        self.waiters.dismiss_all(wakeups);
        self.background.dismiss(wakeups);
    }
}

type Guard<'a> = MutexGuard<'a, Core<ClientRole>>;

/// Why a leader stopped.
enum Stop<T> {
    /// It has what it waited for.
    Value(T),
    /// Its time is over, or the loop failed.
    Over,
    /// The user's code has to run, for which the seat must be free.
    Interlude,
}

impl ClientLoop {
    pub(super) fn new(
        shared: Shared<ClientRole>,
        resolve: Option<Resolve>,
        idle_delay: Duration,
    ) -> Self {
        Self { shared, resolve, idle_delay, alarm: Alarm::new() }
    }

    /// Drives the client until `check` gives something or `until` has passed, or waits while somebody
    /// else drives it. If the seat is free it looks at the socket at least once.
    ///
    /// `None` also if the loop has failed.
    pub(super) fn drive<'a, T>(
        self: &'a Arc<Self>,
        mut core: Guard<'a>,
        subject: Subject,
        until: Option<Timestamp>,
        mut check: impl FnMut(&mut ClientRole) -> Option<T>,
    ) -> Option<T> {
        // Whether the seat may have been left to this thread.
        let mut is_heir = false;
        loop {
            let value = check(&mut core.role);
            if value.is_some() || core.is_dead() {
                if is_heir {
                    self.leave(core);
                }
                return value;
            }
            if core.has_seat() {
                match self.lead(core, until, &mut check) {
                    Stop::Value(value) => return Some(value),
                    Stop::Over => return None,
                    Stop::Interlude => {}
                }
                core = self.shared.lock();
                continue;
            }
            let now = self.shared.now();
            if until.is_some_and(|until| until <= now) {
                // Somebody else has the seat, and passes it on.
                return None;
            }
            core = self.follow(core, subject, until, now);
            is_heir = true;
        }
    }

    /// The lock and the time, for submitting a call. When the client was idle, what arrived meanwhile
    /// is read first: if the server has said goodbye, the call is not sent into the void, and stays
    /// `NotExecuted`.
    pub(super) fn listen_first(self: &Arc<Self>) -> (Guard<'_>, Timestamp) {
        let now = self.shared.now();
        let mut core = self.shared.lock();
        let is_idle = core.role.endpoint.open_calls() == 0
            && now.since(core.role.last_call_at) >= self.idle_delay;
        if is_idle && core.has_seat() && !core.is_dead() {
            let _nothing = self.drive(core, Subject::News, Some(now), |_| None::<()>);
            core = self.shared.lock();
        }
        (core, now)
    }

    /// Leads until `check` gives something, `until` has passed, or the user's code has to run.
    fn lead<'a, T>(
        self: &'a Arc<Self>,
        mut core: Guard<'a>,
        until: Option<Timestamp>,
        check: &mut impl FnMut(&mut ClientRole) -> Option<T>,
    ) -> Stop<T> {
        let Some(mut leader) = core.take_seat(&self.shared) else { return Stop::Interlude };
        // Declared after the leader, so that unwinding frees the lock before the leader needs it.
        let mut core = core;
        let mut outbox = Outbox::new();
        let mut wakeups = Wakeups::default();
        let mut now = self.shared.now();
        let mut lets_come = core.role.waiters.are_coming();
        let stop = loop {
            if lets_come {
                now = self.let_come(&mut core, &mut wakeups);
                if core.is_dead() {
                    drop(core);
                    return Stop::Over;
                }
            }
            // What is held back for company waits until the socket has been read: the answer may be
            // there already, and its caller may add more.
            let reads_first = core.role.endpoint.is_holding() && leader.may_be_readable();
            while !reads_first && !core.fill(&mut outbox, now) {
                MutexGuard::unlocked(&mut core, || outbox.send());
            }
            // A one-way call ends by being given out, and nothing would end the sleep then.
            if core.role.collect(false, &mut wakeups) {
                if let Some(value) = check(&mut core.role) {
                    break Stop::Value(value);
                }
                if wakeups.has_tasks() {
                    break Stop::Interlude;
                }
            }
            // Nobody answers what has not been sent yet.
            let plan = leader.plan(&mut core, until, !reads_first);
            self.give_way(core, &mut wakeups, &mut outbox);
            let result = leader.proceed(plan);
            now = self.shared.now();
            core = self.shared.lock();
            if result.is_err() || core.is_dead() {
                // The leader is dropped with the seat, which tells everybody.
                drop(core);
                return Stop::Over;
            }
            let has_news = leader.deliver(&mut core, now);
            core.role.collect(has_news, &mut wakeups);
            if let Some(value) = check(&mut core.role) {
                break Stop::Value(value);
            }
            if until.is_some_and(|until| until <= now) {
                break Stop::Over;
            }
            if wakeups.has_tasks() {
                break Stop::Interlude;
            }
            lets_come = wakeups.has_threads();
        };
        let passes_on = !matches!(stop, Stop::Interlude);
        self.step_down(leader, outbox, wakeups, now, passes_on, core);
        stop
    }

    /// Puts the seat back, and sends and wakes what there is to send and to wake.
    ///
    /// The lock comes last among the parameters, so that unwinding frees it before the leader needs it.
    fn step_down(
        self: &Arc<Self>,
        leader: Leader<'_, ClientRole>,
        mut outbox: Outbox,
        mut wakeups: Wakeups,
        now: Timestamp,
        passes_on: bool,
        mut core: Guard<'_>,
    ) {
        let given_back = leader.put_back(&mut core);
        if !core.role.endpoint.is_holding() {
            core.fill(&mut outbox, now);
        }
        if passes_on {
            Self::pass_on(&mut core, &mut wakeups, Timestamp::ZERO);
        }
        drop(core);
        self.wake_threads(&mut wakeups);
        if !outbox.send() {
            self.look_after_backlog();
        }
        drop(given_back);
        wakeups.wake_all();
    }

    /// Lets those go first whose calls have ended, and gives the time. They may be about to call again, and
    /// what they have to send goes into the same datagram then. Those that were woken on this processor would
    /// otherwise wait until this thread's time slice ends, or until it sleeps.
    fn let_come(self: &Arc<Self>, core: &mut Guard<'_>, wakeups: &mut Wakeups) -> Timestamp {
        MutexGuard::unlocked(core, || {
            self.wake_threads(wakeups);
            thread::yield_now();
        });
        self.shared.now()
    }

    /// Frees the lock, wakes and sends.
    ///
    /// A thread that moves large messages has work without end. Others, whose calls are small, would seldom
    /// get the lock.
    fn give_way(self: &Arc<Self>, core: Guard<'_>, wakeups: &mut Wakeups, outbox: &mut Outbox) {
        if core.role.endpoint.is_moving() {
            MutexGuard::unlock_fair(core);
        } else {
            drop(core);
        }
        self.wake_threads(wakeups);
        outbox.send();
    }

    /// Sends what there is to send, unless the leader is about to, and parks until woken.
    fn follow<'a>(
        self: &'a Arc<Self>,
        mut core: Guard<'a>,
        subject: Subject,
        until: Option<Timestamp>,
        now: Timestamp,
    ) -> Guard<'a> {
        let mut outbox = Outbox::new();
        let is_complete = core.is_attended() || core.fill(&mut outbox, now);
        let wakes_leader = is_complete && core.is_urgent();
        let mut replaced = None;
        let ticket = core.role.waiters.enter(subject, &mut replaced);
        // A one-way call ends by being given out, this thread's own included: then it is woken before
        // it parks.
        let mut wakeups = Wakeups::default();
        core.role.collect(false, &mut wakeups);
        drop(core);
        drop(replaced);
        self.wake_threads(&mut wakeups);
        if wakes_leader {
            self.shared.wake_leader();
        }
        if !outbox.send() {
            self.look_after_backlog();
        }
        wakeups.wake_all();
        if is_complete {
            park(until.unwrap_or(Timestamp::NEVER), now);
        }
        let mut core = self.shared.lock();
        core.role.waiters.leave(subject, ticket);
        core
    }

    /// Something could not be sent: whoever leads has to know, and somebody has to lead.
    #[cold]
    fn look_after_backlog(self: &Arc<Self>) {
        self.shared.wake_leader();
        self.leave(self.shared.lock());
    }

    /// The one way to stop waiting after having parked: the seat may have been left to this thread.
    fn leave(self: &Arc<Self>, mut core: Guard<'_>) {
        let mut wakeups = Wakeups::default();
        if !core.is_dead() {
            Self::pass_on(&mut core, &mut wakeups, Timestamp::ZERO);
        }
        drop(core);
        self.wake_threads(&mut wakeups);
    }

    /// Sees to it that nobody leaves while the seat is free and somebody waits. An heir may come too
    /// late, or have ended already: it passes on in turn. So does each of those whose calls have ended and who
    /// are on their way: while there are any, nobody else is woken.
    ///
    /// If there is nothing but deadlines to be kept, somebody looks after the client no earlier than at
    /// `earliest`.
    pub(super) fn pass_on(core: &mut Core<ClientRole>, wakeups: &mut Wakeups, earliest: Timestamp) {
        if !core.has_seat() || core.role.waiters.are_coming() {
            return;
        }
        let has_backlog = core.has_backlog();
        let role = &mut core.role;
        if let Some(heir) = role.waiters.heir() {
            wakeups.add_thread(heir);
        } else if role.wants_leader() || has_backlog {
            role.background.summon(wakeups);
        } else if let Some(deadline) = role.endpoint.poll_timeout() {
            role.background.set_alarm(deadline.max(earliest), wakeups);
        }
    }

    /// Ends a change of the endpoint by somebody who does not wait: what is to be sent is sent, and
    /// whoever has to know is woken.
    pub(super) fn conclude<'a>(self: &'a Arc<Self>, core: Guard<'a>, now: Timestamp) {
        let core = self.shared.flush(core, now);
        self.hand_over(core, Timestamp::ZERO);
    }

    /// Ends the submission of the call `key` by somebody who does not wait for it yet. Mostly that
    /// somebody waits soon and drives the loop then, so nobody is asked to look after the
    /// call's timers before that.
    pub(super) fn conclude_start<'a>(
        self: &'a Arc<Self>,
        mut core: Guard<'a>,
        key: CallKey,
        now: Timestamp,
    ) {
        // A leader that sleeps would have to be woken for what is held back.
        let was_holding = core.role.endpoint.is_holding();
        if core.has_seat() && core.role.endpoint.hold(now, key) {
            // Whoever has held something back before has seen to it that somebody looks in time.
            return if was_holding { drop(core) } else { self.hand_over(core, Timestamp::ZERO) };
        }
        // A leader that is about to send takes this along.
        let core = if core.is_attended() { core } else { self.shared.flush(core, now) };
        self.hand_over(core, now + background::LOOK);
    }

    /// Gives the lock up and wakes whoever has to act now: those whose calls have ended, an heir of the
    /// seat, the background thread, or the keeper, who is asked for no earlier than at `earliest`.
    fn hand_over(self: &Arc<Self>, mut core: Guard<'_>, earliest: Timestamp) {
        let mut wakeups = Wakeups::default();
        core.role.collect(false, &mut wakeups);
        Self::pass_on(&mut core, &mut wakeups, earliest);
        drop(core);
        self.wake_threads(&mut wakeups);
        wakeups.wake_all();
    }

    /// Changes the endpoint, if it still lives.
    pub(super) fn change<T: Default>(
        self: &Arc<Self>,
        change: impl FnOnce(&mut ClientRole) -> T,
    ) -> T {
        let now = self.shared.now();
        let mut core = self.shared.lock();
        if core.is_dead() {
            return T::default();
        }
        let value = change(&mut core.role);
        self.conclude(core, now);
        value
    }

    /// Ends every call and the background thread.
    pub(super) fn close(self: &Arc<Self>) {
        let now = self.shared.now();
        let mut core = self.shared.lock();
        let mut wakeups = Wakeups::default();
        core.role.is_closed = true;
        if !core.is_dead() {
            core.role.endpoint.close();
            core = self.shared.flush(core, now);
        }
        core.role.waiters.dismiss_all(&mut wakeups);
        core.role.background.dismiss(&mut wakeups);
        // If it leads, it sleeps in the poll.
        let wakes_leader = !core.has_seat();
        core.close();
        drop(core);
        self.alarm.cancel();
        if wakes_leader {
            self.shared.wake_leader();
        }
        wakeups.wake_all();
    }

    /// Its alarm rings: lets it have a turn if nobody drives it and one is due.
    #[cfg(not(all(test, any(loom, shuttle))))]
    pub(super) fn look_after(self: &Arc<Self>) {
        let mut core = self.shared.lock();
        if core.is_dead() || core.role.is_closed {
            return;
        }
        let now = self.shared.now();
        core.role.background.on_alarm();
        if !core.has_seat() {
            // Whoever leads keeps the deadlines, and sets the alarm when leaving. It is set here so that
            // leaving seldom means waking the keeper.
            let mut wakeups = Wakeups::default();
            core.role.background.set_alarm(now + self.idle_delay, &mut wakeups);
            drop(core);
            return self.wake_threads(&mut wakeups);
        }
        if core.role.endpoint.poll_timeout().is_some_and(|deadline| deadline <= now) {
            let _nothing = self.drive(core, Subject::News, Some(now), |_| None::<()>);
        } else {
            self.hand_over(core, Timestamp::ZERO);
        }
    }

    /// Wakes the threads among `wakeups`, and starts the background thread if it was asked for.
    fn wake_threads(self: &Arc<Self>, wakeups: &mut Wakeups) {
        wakeups.wake_threads();
        if wakeups.take_start() {
            background::start(self);
        }
        if let Some(time) = wakeups.take_look() {
            self.alarm.set(self, time);
        }
    }
}
