//! The role of driving an endpoint, as a value that moves between threads.
//!
//! Whoever owns the [`Seat`] of an endpoint is its *leader*: the only thread that receives for it and
//! that sleeps until its next deadline. While nobody leads, the seat lies in the [`Core`], under the
//! lock. The rules, each of which has a test that fails without it:
//!
//! - Nobody leaves while the seat is free and somebody waits. This file cannot enforce that: the two
//!   roles do, where they put the seat back.
//! - That the socket may still be readable is known to the seat and travels with it. Only a receive
//!   call that would have blocked says otherwise: the event for a datagram comes once.
//! - Who changes the endpoint wakes the leader only for a deadline earlier than the one the leader
//!   has published, under the same lock under which it looked at the endpoint for the last time.
//! - The lock is never held across a system call or the user's code; nor is the seat held while the
//!   user's code runs.
//! - The seat is put back when its holder unwinds. What the endpoint's state is worth is unknown
//!   then, so it is marked dead, and everybody is woken to hear of it.

use core::net::SocketAddr;
use core::time::Duration;
use std::io;
use std::sync::Arc;

use super::backlog;
use super::berth::{Berth, GivenBack};
use super::clock::SystemClock;
use super::inbox::{Inbox, OwnInbox};
use super::outbox::Outbox;
use super::poller::{Poller, Waker};
use super::socket::{Readiness, Socket};
use super::spin::Spin;
use super::troubles::Troubles;
use super::wakeups::Wakeups;
use crate::endpoint::Machine;
use crate::sync::{Mutex, MutexGuard};
use crate::time::{Clock, Timestamp};

/// How many datagrams are taken in before timers run and answers are sent, at most.
const MOST_DATAGRAMS: usize = 64;
/// How long datagrams are taken in before timers run, at most.
const LONGEST_INTAKE: Duration = Duration::from_millis(1);

/// A receive buffer surely holds this fraction of its size in datagrams of at least 1,200 bytes: the
/// system charges its own bookkeeping to it, and room that was read becomes free a little later.
const RESERVE: usize = 2;

/// What a kind of endpoint adds to its protocol: who waits for it, and what it is for.
pub(super) trait Role: Send + 'static {
    /// The endpoint.
    type Machine: Machine;

    /// The endpoint.
    fn machine(&mut self) -> &mut Self::Machine;

    /// A datagram to `peer` was refused, perhaps.
    fn on_refused(&mut self, now: Timestamp, peer: SocketAddr) {
        let _ = (now, peer);
    }

    /// The endpoint is dead: names everybody who waits for it.
    fn on_death(&mut self, wakeups: &mut Wakeups);
}

/// An endpoint and the means to drive it, shared by all its threads.
pub(super) struct Shared<R> {
    core: Mutex<Core<R>>,
    clock: Arc<SystemClock>,
    /// The receive buffer that the system granted, in bytes as one asks for them.
    pub(super) receive_buffer: usize,
}

/// What the lock protects.
pub(super) struct Core<R> {
    pub(super) role: R,
    seat: Option<Box<Seat>>,
    /// Until when the leader sleeps. `None`: it does not sleep, or there is none.
    sleeps_until: Option<Timestamp>,
    /// What wakes the leader. `None`: it has nowhere to sleep yet, and looks before it does.
    waker: Option<Waker>,
    /// Whether the leader takes the lock and sends what there is before it waits for anything.
    is_attended: bool,
    socket: Option<Arc<Socket>>,
    troubles: Arc<Troubles>,
    is_dead: bool,
}

/// The one place at the poll.
struct Seat {
    berth: Berth,
    socket: Arc<Socket>,
    /// Peers that the system says cannot be reached.
    refused: Vec<SocketAddr>,
    may_be_readable: bool,
    /// Whether receiving fails again and again: then the socket is looked at without an event.
    is_failing: bool,
    /// How many datagrams the next batch may have. Small while few arrive: then the call that finds
    /// the socket empty is made while the answer is on its way, not before it is sent.
    batch: usize,
    /// What was taken in since timers last ran, because the socket was never found empty.
    intake: usize,
    intake_since: Option<Timestamp>,
    /// Until when sending pauses, if it does.
    paused_until: Option<Timestamp>,
    /// Whether an event seemed to say that there is room, and nothing else came of it.
    was_told_in_vain: bool,
    spin: Spin,
}

/// Where the leader will sleep, made before the socket since an in-process socket needs the waker.
pub(super) struct Parts {
    /// `None`: where it is lent a place.
    poller: Option<Poller>,
}

impl Parts {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { poller: Some(Poller::new()?) })
    }

    /// For a socket of the system's, where one can sleep at any poller.
    ///
    /// # Errors
    /// On some systems one cannot, and there may be no descriptors left.
    pub(super) fn on_loan() -> io::Result<Self> {
        if cfg!(unix) { Ok(Self { poller: None }) } else { Self::new() }
    }

    pub(super) fn waker(&self) -> Waker {
        self.poller.as_ref().expect("it was made for this").waker()
    }

    /// The poll alone.
    #[cfg(all(test, any(loom, shuttle)))]
    pub(super) fn into_poller(self) -> Poller {
        self.poller.expect("it was made for this")
    }

    /// Puts everything together. `spin` is how long the socket may be polled before the leader sleeps.
    pub(super) fn assemble<R: Role>(
        self,
        mut socket: Socket,
        clock: Arc<SystemClock>,
        spin: Duration,
        mut role: R,
    ) -> io::Result<Shared<R>> {
        let berth = match self.poller {
            Some(poller) => {
                poller.register(&mut socket)?;
                Berth::own(poller)
            }
            None => Berth::lent(),
        };
        let receive_buffer = socket.receive_buffer();
        if receive_buffer > 0 {
            role.machine().set_receive_window(receive_buffer / RESERVE);
        }
        let socket = Arc::new(socket);
        let waker = berth.waker();
        let seat = Box::new(Seat {
            berth,
            socket: Arc::clone(&socket),
            refused: Vec::new(),
            may_be_readable: true,
            is_failing: false,
            batch: 1,
            intake: 0,
            intake_since: None,
            paused_until: None,
            was_told_in_vain: false,
            spin: Spin::new(spin),
        });
        let core = Core {
            role,
            seat: Some(seat),
            sleeps_until: None,
            waker,
            is_attended: false,
            troubles: Arc::clone(socket.troubles()),
            socket: Some(socket),
            is_dead: false,
        };
        Ok(Shared { core: Mutex::new(core), clock, receive_buffer })
    }
}

impl<R: Role> Shared<R> {
    pub(super) fn lock(&self) -> MutexGuard<'_, Core<R>> {
        self.core.lock()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A time of this endpoint's on the system's clock.
    #[cfg(not(all(test, any(loom, shuttle))))]
    pub(super) fn instant(&self, time: Timestamp) -> Option<std::time::Instant> {
        self.clock.instant(time)
    }

    /// Wakes the leader out of its sleep. The lock is free.
    pub(super) fn wake_leader(&self) {
        let waker = self.lock().waker.clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Sends what the endpoint has to send after a change that was made by somebody who may not be
    /// its leader, and wakes the leader if the change concerns it.
    pub(super) fn flush<'a>(
        &'a self,
        mut core: MutexGuard<'a, Core<R>>,
        now: Timestamp,
    ) -> MutexGuard<'a, Core<R>> {
        let mut outbox = Outbox::new();
        loop {
            let is_complete = core.fill(&mut outbox, now);
            let wakes_leader = is_complete && core.is_urgent();
            if outbox.is_empty() && !wakes_leader {
                return core;
            }
            MutexGuard::unlocked(&mut core, || {
                if wakes_leader {
                    self.wake_leader();
                }
                if !outbox.send() {
                    self.wake_leader();
                }
            });
            if is_complete {
                return core;
            }
        }
    }

    /// The endpoint failed: nobody may use it, and everybody must know.
    pub(super) fn kill(&self) {
        let mut wakeups = Wakeups::default();
        self.lock().die(&mut wakeups);
        self.wake_leader();
        wakeups.wake_all();
    }
}

impl<R: Role> Core<R> {
    /// Whether the loop failed. The endpoint must not be used any more.
    pub(super) fn is_dead(&self) -> bool {
        self.is_dead
    }

    /// Whether nobody leads.
    pub(super) fn has_seat(&self) -> bool {
        self.seat.is_some()
    }

    /// Until when the leader sleeps, or is about to; `None` if it does not.
    pub(super) fn sleeps_until(&self) -> Option<Timestamp> {
        self.sleeps_until
    }

    /// Whether somebody leads who takes the lock and sends what there is before waiting for anything: then
    /// others can leave the sending to that thread, and what they have goes into the same datagram.
    pub(super) fn is_attended(&self) -> bool {
        self.is_attended
    }

    /// Whether the socket can send nothing for now. The leader tries again.
    fn is_blocked(&self) -> bool {
        self.socket.as_ref().is_some_and(|socket| socket.backlog().is_blocked())
    }

    /// What went wrong with the socket.
    pub(super) fn troubles(&self) -> &Troubles {
        &self.troubles
    }

    /// Whether the leader has to deal with something that could not be sent.
    pub(super) fn has_backlog(&self) -> bool {
        self.socket.as_ref().is_some_and(|socket| socket.backlog().has_any())
    }

    /// Moves datagrams from the endpoint to `outbox`. False if there may be more.
    pub(super) fn fill(&mut self, outbox: &mut Outbox, now: Timestamp) -> bool {
        outbox.fill(self.role.machine(), now, self.socket.as_ref())
    }

    /// Whether the leader would oversleep. To be asked after every change, when all is sent; says so
    /// once for each new deadline.
    pub(super) fn is_urgent(&mut self) -> bool {
        let Some(sleeps_until) = self.sleeps_until else { return false };
        let deadline = self.role.machine().poll_timeout().unwrap_or(Timestamp::NEVER);
        // A leader whose socket is blocked looks soon anyway.
        if deadline >= sleeps_until || self.is_blocked() {
            return false;
        }
        self.sleeps_until = Some(deadline);
        true
    }

    /// Takes the seat, if nobody leads.
    pub(super) fn take_seat<'a>(&mut self, shared: &'a Shared<R>) -> Option<Leader<'a, R>> {
        let seat = self.seat.take()?;
        self.is_attended = true;
        Some(Leader { seat: Some(seat), inbox: OwnInbox::take(), shared })
    }

    /// Gives up the socket and, if nobody leads, the seat. Whoever leads drops it by
    /// [`Leader::put_back`].
    pub(super) fn close(&mut self) {
        self.socket = None;
        self.seat = None;
    }

    fn die(&mut self, wakeups: &mut Wakeups) {
        self.is_dead = true;
        self.sleeps_until = None;
        self.is_attended = false;
        self.role.on_death(wakeups);
    }
}

/// The holder of the seat.
pub(super) struct Leader<'a, R: Role> {
    /// Empty only once it was put back.
    seat: Option<Box<Seat>>,
    inbox: OwnInbox,
    shared: &'a Shared<R>,
}

impl<R: Role> Leader<'_, R> {
    fn seat(&mut self) -> &mut Seat {
        self.seat.as_mut().expect("a leader has the seat")
    }

    /// Whether there may be something to receive at once.
    pub(super) fn may_be_readable(&mut self) -> bool {
        self.seat().may_be_readable
    }

    /// Lets somebody else lead. What this gives is to be dropped when the lock is free.
    pub(super) fn put_back(mut self, core: &mut Core<R>) -> Option<GivenBack> {
        core.sleeps_until = None;
        core.is_attended = false;
        let seat = self.seat();
        // The next leader may come much later, and must not take that for a busy time.
        seat.intake_since = None;
        let given_back = seat.berth.vacate(&seat.socket);
        if given_back.is_some() {
            core.waker = None;
        }
        if core.socket.is_some() {
            core.seat = self.seat.take();
        } else {
            self.seat = None;
        }
        given_back
    }

    /// To be called under the lock, after everything that could be sent was taken out: decides how
    /// [`proceed`](Self::proceed) will spend the time, and publishes it. `until` is when the leader
    /// has a reason of its own to stop; `may_spin` says whether it may poll the socket before it sleeps.
    pub(super) fn plan(
        &mut self,
        core: &mut Core<R>,
        until: Option<Timestamp>,
        may_spin: bool,
    ) -> Plan {
        core.sleeps_until = None;
        let seat = self.seat();
        let is_failing = seat.is_failing;
        let is_calm = may_spin && !is_failing && !seat.socket.backlog().has_any();
        let spin = seat.spin.time().filter(|_| is_calm);
        if seat.may_be_readable && spin.is_none() {
            return Plan::Receive;
        }
        let deadline = if core.is_blocked() {
            // What is due can hardly be sent.
            self.shared.now() + backlog::RETRY
        } else {
            core.role.machine().poll_timeout().unwrap_or(Timestamp::NEVER)
        };
        let mut wake_up = deadline.min(until.unwrap_or(Timestamp::NEVER));
        if is_failing {
            wake_up = wake_up.min(self.shared.now() + backlog::RETRY);
        }
        if let Some(time) = spin {
            core.is_attended = false;
            return Plan::Spin(time, wake_up);
        }
        let berth = &self.seat().berth;
        if !berth.is_furnished() {
            return Plan::Furnish;
        }
        core.is_attended = false;
        if core.waker.is_none() {
            core.waker = berth.waker();
        }
        core.sleeps_until = Some(wake_up);
        Plan::Sleep(wake_up)
    }

    /// Waits as planned, without the lock, and receives.
    ///
    /// # Errors
    /// The poll itself failed, which ends the loop.
    pub(super) fn proceed(&mut self, plan: Plan) -> io::Result<()> {
        let clock = Arc::clone(&self.shared.clock);
        let Self { seat, inbox, .. } = self;
        let seat = seat.as_mut().expect("a leader has the seat");
        let plan = if seat.socket.backlog().has_any() { seat.attend(plan, &clock)? } else { plan };
        match plan {
            Plan::Receive => seat.receive(inbox),
            Plan::Spin(time, wake_up) => seat.spin(inbox, time, wake_up, &clock),
            Plan::Sleep(wake_up) => {
                let start = clock.now();
                seat.sleep(start, wake_up)?;
                if seat.is_worth_a_look() {
                    seat.receive(inbox);
                }
                if !inbox.is_empty() {
                    seat.spin.on_slept(clock.now().since(start));
                }
            }
            Plan::Furnish => seat.furnish(inbox),
            Plan::Look => {}
        }
        Ok(())
    }

    /// Hands what was received to the endpoint, and lets its timers run once the socket is empty or
    /// has kept the loop busy for long enough. True if anything arrived.
    pub(super) fn deliver(&mut self, core: &mut Core<R>, now: Timestamp) -> bool {
        let Self { seat, inbox, .. } = self;
        let seat = seat.as_mut().expect("a leader has the seat");
        core.is_attended = true;
        let has_arrived = !inbox.is_empty();
        seat.intake += inbox.len();
        let since = *seat.intake_since.get_or_insert(now);
        let machine = core.role.machine();
        for datagram in inbox.drain() {
            machine.handle_datagram(now, datagram.from, datagram.local, &datagram.content);
        }
        let is_over = seat.intake >= MOST_DATAGRAMS || now.since(since) >= LONGEST_INTAKE;
        if !seat.may_be_readable || is_over {
            seat.intake = 0;
            seat.intake_since = None;
            core.role.machine().handle_timeout(now);
        }
        for peer in seat.refused.drain(..) {
            core.role.on_refused(now, peer);
        }
        if seat.socket.backlog().has_any() {
            for (to, size) in seat.socket.backlog().take_reports() {
                core.role.machine().handle_send_refused(now, to, size);
            }
        }
        has_arrived
    }
}

impl<R: Role> Drop for Leader<'_, R> {
    fn drop(&mut self) {
        let Some(seat) = self.seat.take() else { return };
        // Only unwinding, or a loop that failed, comes here with the seat.
        let mut wakeups = Wakeups::default();
        let mut core = self.shared.lock();
        core.seat = Some(seat);
        core.die(&mut wakeups);
        drop(core);
        wakeups.wake_all();
    }
}

/// What a leader does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Receive at once: the socket may be readable.
    Receive,
    /// Poll the socket for this long, and no longer than until this time.
    Spin(Duration, Timestamp),
    /// Sleep until this time, a datagram or the waker.
    Sleep(Timestamp),
    /// Get a place to sleep.
    Furnish,
    /// Do nothing: there is something to do under the lock.
    Look,
}

impl Seat {
    fn receive(&mut self, inbox: &mut Inbox) {
        let batch = self.batch;
        let readiness = self.socket.receive(inbox, batch);
        self.is_failing = readiness == Readiness::Failing;
        match readiness {
            Readiness::Drained | Readiness::Failing => {
                self.may_be_readable = false;
                self.batch = inbox.len().clamp(1, MOST_DATAGRAMS);
            }
            Readiness::MayBeReadable => {
                self.may_be_readable = true;
                self.batch = (batch * 2).min(MOST_DATAGRAMS);
            }
        }
        if !inbox.is_empty() {
            self.spin.on_datagram();
            self.was_told_in_vain = false;
        }
        self.socket.take_refusals(|peer| self.refused.push(peer));
    }

    /// Whether to receive after a sleep.
    fn is_worth_a_look(&self) -> bool {
        self.may_be_readable || self.is_failing
    }

    /// Deals with what could not be sent, and says what to do with the time instead of `plan`.
    #[cold]
    fn attend(&mut self, plan: Plan, clock: &SystemClock) -> io::Result<Plan> {
        let socket = Arc::clone(&self.socket);
        let now = clock.now();
        if socket.backlog().is_blocked() && !self.is_paused(now) {
            socket.send_backlog();
        }
        match plan {
            Plan::Receive | Plan::Furnish => return Ok(plan),
            // Nobody was told until when this thread sleeps, so it must not.
            Plan::Spin(..) => return Ok(Plan::Look),
            Plan::Sleep(_) | Plan::Look => {}
        }
        if !socket.backlog().is_blocked() {
            self.was_told_in_vain = false;
            // There may be more to send, or something to be told.
            return Ok(Plan::Look);
        }
        let planned = if let Plan::Sleep(wake_up) = plan { wake_up } else { Timestamp::NEVER };
        let retry_at = self.paused_until.unwrap_or(now + backlog::RETRY);
        let wake_up = planned.min(retry_at);
        // A system that says that there is room where there is none must not keep the loop busy.
        let is_told = !core::mem::take(&mut self.was_told_in_vain);
        let watches = is_told && !socket.backlog().is_paused();
        if watches {
            self.berth.watch_writable(&socket, true);
        }
        let result = self.sleep(now, wake_up);
        if watches {
            self.berth.watch_writable(&socket, false);
        }
        result?;
        self.was_told_in_vain = watches && clock.now() < wake_up;
        Ok(if self.is_worth_a_look() { Plan::Receive } else { Plan::Look })
    }

    /// Whether sending still pauses.
    fn is_paused(&mut self, now: Timestamp) -> bool {
        if self.socket.backlog().is_paused() {
            let until = *self.paused_until.get_or_insert(now + backlog::RETRY);
            if now < until {
                return true;
            }
        }
        self.paused_until = None;
        false
    }

    /// Polls the socket, once at least.
    fn spin(&mut self, inbox: &mut Inbox, time: Duration, wake_up: Timestamp, clock: &SystemClock) {
        self.receive(inbox);
        if !inbox.is_empty() {
            // It was there already, which says nothing of what polling is worth.
            return;
        }
        let mut now = clock.now();
        let end = now + time;
        while now < wake_up {
            if now >= end {
                return self.spin.on_polled(false);
            }
            core::hint::spin_loop();
            self.receive(inbox);
            if !inbox.is_empty() {
                return self.spin.on_polled(true);
            }
            now = clock.now();
        }
        // There is something else to do, which says nothing of what polling is worth.
    }

    /// Gets a place to sleep. Where there is none the socket is looked at again and again, which is slow, and
    /// ends when the system has descriptors again.
    fn furnish(&mut self, inbox: &mut Inbox) {
        if self.berth.furnish(&self.socket).is_err() {
            std::thread::sleep(backlog::RETRY);
            self.receive(inbox);
        }
    }

    fn sleep(&mut self, now: Timestamp, until: Timestamp) -> io::Result<()> {
        self.may_be_readable |= self.berth.sleep(&self.socket, now, until)?;
        Ok(())
    }
}
