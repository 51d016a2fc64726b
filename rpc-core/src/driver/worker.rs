//! The threads of a server: they lead, run handlers, stand by, or are idle.
//!
//! There are two threads more than there are workers: one is always free to keep the protocol going, and
//! one can run a short handler while every worker is in a long one. All of them run the same code:
//!
//! - The *leader* has the seat. It runs the handlers of methods that are not known to be long itself,
//!   one after the other, and gives the seat back before each and retakes it after. While every worker is
//!   busy it runs those of methods that are known to be short, and they overtake the others.
//! - The *standby* sleeps on the watchdog, which is set while a handler runs with the seat free. When
//!   the handler outlasts the threshold it takes the seat; whoever ran the handler finds the seat
//!   gone, and has become a worker.
//! - *Workers* run the handlers of methods that are known to be long, and share the others when calls
//!   begin to wait.
//! - The rest is *idle*: parked until it is summoned. An idle server wakes up for nothing.

use core::time::Duration;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use super::outbox::Outbox;
use super::seat::{Core, Leader, Shared};
use super::server_role::{Job, ServerRole};
use super::serving::{self, Admission, Serving};
use super::wakeups::Wakeups;
use crate::config::ServerConfig;
use crate::service::{Dispatched, Registry};
use crate::statistics::ServerStatistics;
use crate::sync::{Condvar, MutexGuard, thread};
use crate::time::Timestamp;

/// How long a reply may wait for others that go into the same datagram, while handlers run that are
/// known to be short. It never waits for anything else.
const LONGEST_REPLY_DELAY: Duration = Duration::from_micros(100);

/// How long the leader runs handlers before it looks at the socket again.
const LONGEST_RUN: Duration = Duration::from_millis(1);

/// What the threads of a server share.
pub(super) struct ServerLoop {
    pub(super) shared: Shared<ServerRole>,
    registry: Registry,
    local: SocketAddr,
    threshold: Duration,
    /// Something that a shutdown waits for has changed.
    pub(super) changed: Condvar,
    /// For the calls that are answered later.
    pub(super) me: Weak<Self>,
}

/// What is taken along out of the lock.
struct Crossing {
    outbox: Outbox,
    wakeups: Wakeups,
}

impl Crossing {
    /// To be called when the lock is free. True if there was anything to do.
    fn take_effect(&mut self) -> bool {
        let is_needed = self.wakeups.has_any() || !self.outbox.is_empty();
        if is_needed {
            self.wakeups.wake_threads();
            self.outbox.send();
        }
        is_needed
    }
}

pub(super) type Guard<'a> = MutexGuard<'a, Core<ServerRole>>;

impl ServerLoop {
    pub(super) fn new(
        shared: Shared<ServerRole>,
        registry: Registry,
        local: SocketAddr,
        config: &ServerConfig,
    ) -> Arc<Self> {
        let threshold = config.handler_threshold;
        let changed = Condvar::new();
        Arc::new_cyclic(|me| Self {
            shared,
            registry,
            local,
            threshold,
            changed,
            me: Weak::clone(me),
        })
    }

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    pub(super) fn statistics(&self) -> ServerStatistics {
        let core = self.shared.lock();
        let troubles = core.troubles();
        ServerStatistics {
            receive_buffer: self.shared.receive_buffer,
            send_errors: troubles.send_errors(),
            receive_errors: troubles.receive_errors(),
            datagrams_unsent: troubles.unsent(),
            ..core.role.endpoint.statistics()
        }
    }

    /// Why the loop ended.
    pub(super) fn failure(&self) -> io::Error {
        let failure = self.shared.lock().role.failure.take();
        failure.unwrap_or_else(|| io::Error::other("a thread of the server panicked"))
    }

    /// Makes the present thread one of the server's, until the server ends.
    pub(super) fn work(self: &Arc<Self>) {
        self.shared.lock().role.threads += 1;
        let server = Arc::clone(self) as Arc<dyn Serving>;
        let outcome =
            serving::as_current(server, || catch_unwind(AssertUnwindSafe(|| self.serve())));
        if outcome.is_err() {
            self.shared.kill();
        }
        self.shared.lock().role.threads -= 1;
        self.changed.notify_all();
    }

    fn serve(&self) {
        let mut core = self.shared.lock();
        while !core.role.is_stopping && !core.is_dead() {
            let now = self.shared.now();
            let is_abandoned = core.role.is_abandoned(now, self.threshold);
            core = match is_abandoned.then(|| core.take_seat(&self.shared)).flatten() {
                Some(leader) => self.lead(leader, core),
                None => match core.role.take_any(now, self.threshold) {
                    Some(job) => self.run_apart(core, job, now),
                    None => self.rest(core, now),
                },
            };
        }
    }

    /// Leads, and runs handlers in between, until somebody else leads.
    ///
    /// The lock comes last among the parameters, here and below, so that unwinding frees it before
    /// the leader needs it.
    fn lead<'a>(&'a self, mut leader: Leader<'a, ServerRole>, mut core: Guard<'a>) -> Guard<'a> {
        let mut crossing = Crossing { outbox: Outbox::new(), wakeups: Wakeups::default() };
        let mut now = self.shared.now();
        core.role.left_at = None;
        core.role.appoint_standby(&mut crossing.wakeups);
        loop {
            let returned = self.run_short(&mut crossing, &mut now, leader, core);
            match returned {
                (Some(retaken), guard) => (leader, core) = (retaken, guard),
                (None, guard) => return self.shared.flush(guard, now),
            }
            while !core.fill(&mut crossing.outbox, now) {
                MutexGuard::unlocked(&mut core, || crossing.outbox.send());
            }
            let until = core.role.has_more(self.threshold).then_some(now);
            // Whoever spins takes the processor from a handler that owes an answer.
            let may_spin = core.role.busy == 0;
            let plan = leader.plan(&mut core, until, may_spin);
            drop(core);
            crossing.take_effect();
            let result = leader.proceed(plan);
            now = self.shared.now();
            core = self.shared.lock();
            if let Err(error) = result {
                core.role.failure = Some(error);
                // The leader is dropped with the seat, which tells everybody.
                drop(core);
                drop(leader);
                return self.shared.lock();
            }
            if core.role.is_stopping || core.is_dead() {
                leader.put_back(&mut core);
                return core;
            }
            leader.deliver(&mut core, now);
            if core.role.endpoint.queued() > 1 {
                // What it took to take them in is not the time of the first handler.
                now = self.shared.now();
            }
            self.notify_shutdowns(&core);
        }
    }

    /// Runs the handlers that the leader runs itself. The seat is free during each; if somebody else
    /// has taken it, this thread does not lead any more.
    fn run_short<'a>(
        &'a self,
        crossing: &mut Crossing,
        now: &mut Timestamp,
        mut leader: Leader<'a, ServerRole>,
        mut core: Guard<'a>,
    ) -> (Option<Leader<'a, ServerRole>>, Guard<'a>) {
        let start = *now;
        // Since when something may wait to be sent.
        let mut unsent = Some(start);
        while let Some(usual) = self.consider(&mut core, *now, start, &mut crossing.wakeups) {
            if !may_wait(*now, unsent, usual) {
                core.fill(&mut crossing.outbox, *now);
                unsent = None;
            }
            let Some(job) = core.role.take_any(*now, self.threshold) else { break };
            self.share(&mut core, *now, &mut crossing.wakeups);
            leader.put_back(&mut core);
            core.role.left_at = Some(*now);
            let watchdog = core.role.engage_watchdog();
            drop(core);
            if let Some((watchdog, period)) = &watchdog {
                watchdog.set(*period);
            }
            if crossing.take_effect() || watchdog.is_some() {
                *now = self.shared.now();
            }
            (core, *now) = self.run(job, *now);
            unsent.get_or_insert(*now);
            let is_over = core.role.is_stopping || core.is_dead();
            match core.take_seat(&self.shared) {
                Some(retaken) if !is_over => leader = retaken,
                Some(retaken) => {
                    retaken.put_back(&mut core);
                    return (None, core);
                }
                None => return (None, core),
            }
            core.role.left_at = None;
        }
        (Some(leader), core)
    }

    /// Decides whether the leader runs the next call itself, and says how long that usually takes, if it
    /// is known.
    fn consider(
        &self,
        core: &mut Core<ServerRole>,
        now: Timestamp,
        turn: Timestamp,
        wakeups: &mut Wakeups,
    ) -> Option<Option<Duration>> {
        let role = &mut core.role;
        let has_worker = role.busy < role.workers;
        let next = if has_worker { role.peek() } else { role.peek_extra(self.threshold) }?;
        if now >= turn + LONGEST_RUN {
            return None;
        }
        let usual = role.runtimes.usual(next);
        if usual.is_some_and(|usual| usual > self.threshold) {
            role.summon(wakeups);
            return None;
        }
        Some(usual)
    }

    /// Brings in one more thread if calls remain that should not wait for those who are awake.
    pub(super) fn share(&self, core: &mut Core<ServerRole>, now: Timestamp, wakeups: &mut Wakeups) {
        let leader_sleeps = core.sleeps_until().is_some();
        let role = &mut core.role;
        let Some(next) = role.peek() else { return };
        if role.busy < role.workers
            && (leader_sleeps || role.is_backed_up(now, next, self.threshold))
        {
            role.summon(wakeups);
        }
    }

    /// Runs a call from `start` on, without the lock and without the seat. Its answer waits in the endpoint
    /// then. Gives the time when it had ended, which is when the next one may start.
    fn run(&self, job: Job, start: Timestamp) -> (Guard<'_>, Timestamp) {
        let method = job.method();
        let (token, dispatched) = match job {
            Job::Call(ready) => (ready.token, self.registry.dispatch(&ready, self)),
            Job::Task(task) => (task.token(), task.resume()),
        };
        let now = self.shared.now();
        let mut core = self.shared.lock();
        core.role.busy -= 1;
        core.role.runtimes.record(method, now.since(start));
        match dispatched {
            Dispatched::Finished(finished) if !core.is_dead() => {
                core.role.complete(token, finished);
            }
            Dispatched::Finished(_) => {}
            later => self.put_off(&mut core, now, token, later),
        }
        self.notify_shutdowns(&core);
        (core, now)
    }

    /// Runs calls while somebody else leads, as long as their answers may wait for each other.
    fn run_apart<'a>(&'a self, mut core: Guard<'a>, mut job: Job, mut now: Timestamp) -> Guard<'a> {
        let mut wakeups = Wakeups::default();
        let mut unsent = None;
        loop {
            core.role.appoint_standby(&mut wakeups);
            self.share(&mut core, now, &mut wakeups);
            drop(core);
            wakeups.wake_threads();
            (core, now) = self.run(job, now);
            unsent.get_or_insert(now);
            job = match self.choose_apart(&mut core, now, unsent) {
                Some(next) => next,
                None => return self.shared.flush(core, now),
            };
        }
    }

    /// The next call, if it may be run before the answers are sent that wait since `unsent`. Should it take
    /// long against all experience, then the leader sends them, who is therefore awake.
    fn choose_apart(
        &self,
        core: &mut Core<ServerRole>,
        now: Timestamp,
        unsent: Option<Timestamp>,
    ) -> Option<Job> {
        let has_leader = !core.has_seat() || !core.role.is_abandoned(now, self.threshold);
        if core.role.is_stopping || core.is_dead() || !has_leader || core.sleeps_until().is_some() {
            return None;
        }
        let next = core.role.peek()?;
        let usual = core.role.runtimes.usual(next);
        may_wait(now, unsent, usual).then(|| core.role.take(now)).flatten()
    }

    /// Stands by or is idle, until it is time to look again.
    fn rest<'a>(&'a self, mut core: Guard<'a>, now: Timestamp) -> Guard<'a> {
        if core.role.has_standby {
            core.role.idle.push(thread::current());
            drop(core);
            thread::park();
            core = self.shared.lock();
            let own = thread::current().id();
            core.role.idle.retain(|thread| thread.id() != own);
        } else {
            core.role.has_standby = true;
            let watchdog = Arc::clone(&core.role.watchdog);
            // The seat is free while its last holder is in a handler.
            if let Some(left_at) = core.role.left_at.filter(|_| core.has_seat())
                && let Some((watchdog, period)) = core.role.engage_watchdog()
            {
                let rest = period.saturating_sub(now.since(left_at));
                MutexGuard::unlocked(&mut core, || watchdog.set(rest));
            }
            drop(core);
            watchdog.wait();
            let now = self.shared.now();
            core = self.shared.lock();
            core.role.has_standby = false;
            let is_in_vain = !core.has_seat() || !core.role.is_abandoned(now, self.threshold);
            core.role.disengage_watchdog(is_in_vain, self.threshold);
        }
        core.role.is_summoned = false;
        core
    }

    pub(super) fn notify_shutdowns(&self, core: &Core<ServerRole>) {
        if core.role.shutdowns > 0 {
            self.changed.notify_all();
        }
    }
}

#[cfg(test)]
impl ServerLoop {
    pub(super) fn has_leader(&self) -> bool {
        !self.shared.lock().has_seat()
    }

    /// How many threads rest, the standby included.
    pub(super) fn resting(&self) -> usize {
        let core = self.shared.lock();
        core.role.idle.len() + usize::from(core.role.has_standby)
    }

    pub(super) fn threads(&self) -> usize {
        self.shared.lock().role.threads
    }

    pub(super) fn is_shutting_down(&self) -> bool {
        self.shared.lock().role.shutdowns > 0
    }
}

/// Whether what waits to be sent may wait until another handler has run, which usually takes `usual`.
fn may_wait(now: Timestamp, unsent: Option<Timestamp>, usual: Option<Duration>) -> bool {
    match (unsent, usual) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(since), Some(usual)) => now + usual <= since + LONGEST_REPLY_DELAY,
    }
}

/// Whether an address is one of this host's, so that a server on a wildcard address hears it.
fn is_of_this_host(address: SocketAddr) -> bool {
    address.ip().is_loopback() || std::net::UdpSocket::bind((address.ip(), 0)).is_ok()
}

impl Serving for ServerLoop {
    fn is_at(&self, address: SocketAddr) -> bool {
        let is_same_host = self.local.ip() == address.ip()
            || (self.local.ip().is_unspecified() && is_of_this_host(address));
        self.local.port() == address.port() && is_same_host
    }

    fn enter(&self, admission: Admission) -> bool {
        let mut wakeups = Wakeups::default();
        let mut core = self.shared.lock();
        let has_seat = core.has_seat();
        let role = &mut core.role;
        if has_seat {
            // It would be taken at the threshold; there is no reason to wait for that.
            role.left_at = None;
            role.watchdog_is_set = true;
            wakeups.ring(&role.watchdog);
        }
        let is_possible = role.waiting_inside + 1 < role.workers
            && (admission == Admission::AnyProgress || role.busy < role.workers);
        role.waiting_inside += usize::from(is_possible);
        drop(core);
        wakeups.wake_threads();
        is_possible
    }

    fn leave(&self) {
        self.shared.lock().role.waiting_inside -= 1;
    }
}
