//! The thread that looks after clients which nobody drives, when a deadline of theirs has come: one for
//! all clients of this process, so that ten thousand of them are no more threads than one.
//!
//! Who waits for a reply drives the client and keeps its deadlines. What is left is a client with calls
//! that were started and are not waited for yet, and one without any, which has an acknowledgement to
//! send or a session to keep alive. Such a client sets its alarm; at that time it gets one turn.
//!
//! Alarms ring up to a millisecond late: then those of one millisecond ring together, and clients that are
//! in use seldom wake the thread. They never ring early.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use super::client_loop::ClientLoop;
use crate::service::bury;
use crate::sync::Mutex;
use crate::sync::thread::{self, Thread};
use crate::time::Timestamp;

/// The alarm of one client.
pub(super) struct Alarm {
    keeper: &'static Keeper,
    id: u64,
    /// When it rings. Written and read under the keeper's lock only.
    tick: AtomicU64,
}

/// Whoever keeps the alarms of this process.
struct Keeper {
    /// A forked process has no thread of its parent's, and may have a copy of a lock that is held.
    process: u32,
    /// The keeper of a process that this one was forked into.
    next: OnceLock<Box<Self>>,
    epoch: Instant,
    agenda: Mutex<Agenda>,
}

#[derive(Default)]
struct Agenda {
    /// Who is to be looked at, by tick and by client.
    alarms: BTreeMap<(Tick, u64), Weak<ClientLoop>>,
    last_id: u64,
    thread: Option<Thread>,
    is_started: bool,
    /// When the thread looks by itself.
    wakes_at: Tick,
}

/// Milliseconds since the keeper began.
type Tick = u64;

/// Stands for an alarm that is not set, and for a sleep without an end.
const NEVER: Tick = Tick::MAX;

static FIRST: OnceLock<Box<Keeper>> = OnceLock::new();

impl Alarm {
    /// An alarm that is not set.
    pub(super) fn new() -> Self {
        let keeper = Keeper::of_this_process();
        let mut agenda = keeper.agenda.lock();
        agenda.last_id += 1;
        Self { keeper, id: agenda.last_id, tick: AtomicU64::new(NEVER) }
    }

    /// Lets it ring for its client at `time`, and not at any other time. The lock of the client is free.
    pub(super) fn set(&self, client: &Arc<ClientLoop>, time: Timestamp) {
        let Some(instant) = client.shared.instant(time) else { return };
        let tick = self.keeper.tick_after(instant);
        let mut agenda = self.keeper.agenda.lock();
        let old = self.tick.swap(tick, Ordering::Relaxed);
        if old == tick {
            return;
        }
        let entry = agenda.alarms.remove(&(old, self.id));
        let entry = entry.unwrap_or_else(|| Arc::downgrade(client));
        agenda.alarms.insert((tick, self.id), entry);
        if tick >= agenda.wakes_at && agenda.is_started {
            return;
        }
        agenda.wakes_at = tick;
        let is_started = core::mem::replace(&mut agenda.is_started, true);
        let thread = agenda.thread.clone();
        drop(agenda);
        if let Some(thread) = thread {
            thread.unpark();
        } else if !is_started {
            self.keeper.start();
        }
    }

    /// Lets it not ring at all.
    pub(super) fn cancel(&self) {
        let mut agenda = self.keeper.agenda.lock();
        let tick = self.tick.swap(NEVER, Ordering::Relaxed);
        let entry = agenda.alarms.remove(&(tick, self.id));
        drop(agenda);
        // Perhaps the last one who knew of the client.
        drop(entry);
    }
}

impl Keeper {
    fn of_this_process() -> &'static Self {
        let process = std::process::id();
        let mut place = &FIRST;
        loop {
            let keeper = place.get_or_init(|| Box::new(Self::new(process)));
            if keeper.process == process {
                return keeper;
            }
            place = &keeper.next;
        }
    }

    fn new(process: u32) -> Self {
        let (next, epoch, agenda) = (OnceLock::new(), Instant::now(), Mutex::default());
        Self { process, next, epoch, agenda }
    }

    /// The first tick that is not before this time.
    fn tick_after(&self, time: Instant) -> Tick {
        let nanos = time.saturating_duration_since(self.epoch).as_nanos();
        Tick::try_from(nanos.div_ceil(1_000_000)).unwrap_or(NEVER - 1)
    }

    fn start(&'static self) {
        let result =
            thread::Builder::new().name("farcall-keeper".to_owned()).spawn(move || self.run());
        if result.is_err() {
            // Nobody can be told. The next alarm tries again; until then calls make progress while
            // somebody waits for them.
            self.agenda.lock().is_started = false;
        }
    }

    fn run(&self) {
        self.agenda.lock().thread = Some(thread::current());
        let mut due = Vec::new();
        loop {
            let rest = self.take_due(&mut due);
            for client in due.drain(..) {
                // A bug in one client's loop ends that client, and is no reason to leave the others.
                let look = AssertUnwindSafe(|| client.look_after());
                if let Err(payload) = catch_unwind(look) {
                    bury(payload);
                }
            }
            match rest {
                Some(Duration::ZERO) => {}
                Some(rest) => thread::park_timeout(rest),
                None => thread::park(),
            }
        }
    }

    /// Takes out whose alarm rings. If there is none, says how long to sleep; without an answer, until
    /// one is set.
    fn take_due(&self, due: &mut Vec<Arc<ClientLoop>>) -> Option<Duration> {
        let now = Instant::now();
        let mut agenda = self.agenda.lock();
        while let Some(entry) = agenda.alarms.first_entry() {
            let (tick, _) = *entry.key();
            let time = self.epoch + Duration::from_millis(tick);
            if time > now {
                // What is due is looked at first.
                agenda.wakes_at = if due.is_empty() { tick } else { 0 };
                return Some(if due.is_empty() { time - now } else { Duration::ZERO });
            }
            if let Some(client) = entry.remove().upgrade() {
                client.alarm.tick.store(NEVER, Ordering::Relaxed);
                due.push(client);
            }
        }
        agenda.wakes_at = if due.is_empty() { NEVER } else { 0 };
        (!due.is_empty()).then_some(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::connect;
    use super::super::local::Exchange;
    use super::super::tests::{LONG, eventually, without_hanging};
    use super::super::wakeups::Wakeups;
    use super::*;

    /// A keeper of the test's own, and alarms that it keeps.
    fn keeper() -> (&'static Keeper, impl FnMut() -> Alarm) {
        let keeper: &Keeper = Box::leak(Box::new(Keeper::new(std::process::id())));
        let mut id = 0;
        let alarm = move || {
            id += 1;
            Alarm { keeper, id, tick: AtomicU64::new(NEVER) }
        };
        (keeper, alarm)
    }

    fn alarms(keeper: &Keeper) -> usize {
        keeper.agenda.lock().alarms.len()
    }

    #[test]
    fn an_earlier_alarm_wakes_it() {
        without_hanging(|| {
            let exchange = Arc::new(Exchange::default());
            let clients = [(); 2].map(|()| connect(&exchange));
            let (keeper, mut alarm) = keeper();
            let [late, early] = [alarm(), alarm()];
            let now = clients[0].1.shared.now();
            late.set(&clients[0].1, now + LONG * 10);
            eventually("it sleeps", || keeper.agenda.lock().thread.is_some());
            early.set(&clients[1].1, now + Duration::from_millis(50));
            assert_eq!(alarms(keeper), 2);
            eventually("the early one has rung", || alarms(keeper) == 1);
            late.cancel();
            assert_eq!(alarms(keeper), 0);
        });
    }

    #[test]
    fn all_whose_time_has_come_are_looked_after() {
        without_hanging(|| {
            let exchange = Arc::new(Exchange::default());
            let clients = [(); 3].map(|()| connect(&exchange));
            let (keeper, mut alarm) = keeper();
            // The mark by which one sees that somebody has looked.
            let mark = Timestamp::from_nanos(1);
            for (_, client) in &clients {
                let background = &mut client.shared.lock().role.background;
                background.set_alarm(mark, &mut Wakeups::default());
            }
            let time = clients[0].1.shared.now() + Duration::from_millis(20);
            for (_, client) in &clients {
                alarm().set(client, time);
            }
            for (_, client) in &clients {
                eventually("it is looked after", || {
                    client.shared.lock().role.background.alarm() != mark
                });
            }
            assert_eq!(alarms(keeper), 0);
        });
    }
}
