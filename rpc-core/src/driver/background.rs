//! The background thread of a client: started when it is first needed, and gone when it has not been for a
//! while.
//!
//! Callers drive the loop themselves while they wait. This thread is there for what nobody waits for:
//! futures that wait in an executor, calls that were detached, the handshake of calls that were only
//! started, and the resolution of names. The deadlines of a client that nobody drives are the keeper's.

use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::client_loop::{ClientLoop, ClientRole};
use super::waiters::Subject;
use super::wakeups::Wakeups;
use crate::service::bury;
use crate::sync::thread::{self, Thread};
use crate::time::Timestamp;

/// How long a call that was started may go without anybody who drives the client, at least: mostly its
/// caller waits sooner.
pub(super) const LOOK: Duration = Duration::from_millis(5);

/// How long the background thread stays when it has nothing to do.
const LINGER: Duration = Duration::from_secs(10);

/// What others need to know of the background thread, and of the keeper.
pub(super) struct Background {
    state: State,
    /// Whether the thread is awake, or about to be.
    is_awake: bool,
    /// When the keeper looks after the client.
    alarm: Timestamp,
}

enum State {
    Absent,
    Starting,
    Present(Thread),
}

impl Background {
    pub(super) fn new() -> Self {
        Self { state: State::Absent, is_awake: false, alarm: Timestamp::NEVER }
    }

    /// Makes sure that the thread looks.
    pub(super) fn summon(&mut self, wakeups: &mut Wakeups) {
        if core::mem::replace(&mut self.is_awake, true) {
            return;
        }
        match &self.state {
            State::Present(thread) => wakeups.add_thread(thread.clone()),
            State::Starting => {}
            State::Absent => {
                self.state = State::Starting;
                wakeups.start_background();
            }
        }
    }

    /// Makes sure that the keeper looks at `time` or earlier. The keeper is told only if it would not.
    pub(super) fn set_alarm(&mut self, time: Timestamp, wakeups: &mut Wakeups) {
        if time < self.alarm {
            self.alarm = time;
            wakeups.look_at(time);
        }
    }

    /// The alarm rings, and is not set any more.
    pub(super) fn on_alarm(&mut self) {
        self.alarm = Timestamp::NEVER;
    }

    /// When the keeper looks.
    #[cfg(test)]
    pub(super) fn alarm(&self) -> Timestamp {
        self.alarm
    }

    /// Whether there is a thread.
    #[cfg(test)]
    pub(super) fn has_thread(&self) -> bool {
        !matches!(self.state, State::Absent)
    }

    /// Lets the thread see that it is over.
    pub(super) fn dismiss(&self, wakeups: &mut Wakeups) {
        if let State::Present(thread) = &self.state {
            wakeups.add_thread(thread.clone());
        }
    }
}

/// Starts the thread. The caller does not hold the lock.
pub(super) fn start(client: &Arc<ClientLoop>) {
    let client_of_thread = Arc::clone(client);
    let result = thread::Builder::new()
        .name("farcall-client".to_owned())
        .spawn(move || run(&client_of_thread));
    if result.is_err() {
        // Nobody can be told. Whoever needs the thread next tries again; until then calls make
        // progress while somebody waits for them.
        let background = &mut client.shared.lock().role.background;
        background.state = State::Absent;
        background.is_awake = false;
    }
}

fn run(client: &Arc<ClientLoop>) {
    let shared = &client.shared;
    let mut core = shared.lock();
    core.role.background.state = State::Present(thread::current());
    let mut rests_until = None;
    while !core.is_dead() && !core.role.is_closed {
        core.role.background.is_awake = true;
        if core::mem::take(&mut core.role.wants_servers) {
            drop(core);
            resolve(client);
            core = shared.lock();
            continue;
        }
        if core.has_seat() && (core.role.wants_leader() || core.has_backlog()) {
            let mut has_led = false;
            let check = |role: &mut ClientRole| {
                let goes_on = !has_led || (role.wants_leader() && !role.wants_servers);
                has_led = true;
                (!goes_on).then_some(())
            };
            client.drive(core, Subject::News, None, check);
            core = shared.lock();
            continue;
        }
        // While others lead they see to it when they leave that this thread leads if it has to.
        core.role.background.is_awake = false;
        let end = *rests_until.get_or_insert_with(|| shared.now() + LINGER);
        drop(core);
        let now = shared.now();
        park(end, now);
        core = shared.lock();
        if core.role.background.is_awake {
            rests_until = None;
        } else if now >= end {
            core.role.background.state = State::Absent;
            return;
        }
    }
}

pub(super) fn park(until: Timestamp, now: Timestamp) {
    if until == Timestamp::NEVER {
        thread::park();
    } else {
        thread::park_timeout(until.since(now));
    }
}

/// Resolves the server's name again, which may take long and is the user's code.
fn resolve(client: &Arc<ClientLoop>) {
    let Some(resolve) = &client.resolve else { return };
    let servers = match catch_unwind(AssertUnwindSafe(resolve)) {
        Ok(Ok(servers)) => servers,
        Ok(Err(_)) => return,
        Err(payload) => return bury(payload),
    };
    if servers.is_empty() {
        return;
    }
    let mut core = client.shared.lock();
    if core.is_dead() || core.role.is_closed {
        return;
    }
    let now = client.shared.now();
    core.role.endpoint.set_servers(now, servers);
    client.conclude(core, now);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_is_woken_once() {
        let mut background = Background::new();
        let mut wakeups = Wakeups::default();
        background.summon(&mut wakeups);
        assert!(wakeups.take_start(), "it is started when it is first needed");
        background.summon(&mut wakeups);
        assert!(!wakeups.take_start(), "it looks by itself when it has started");

        background.state = State::Present(thread::current());
        background.summon(&mut wakeups);
        assert_eq!(wakeups.threads(), 0);
        background.is_awake = false;
        background.summon(&mut wakeups);
        background.summon(&mut wakeups);
        assert_eq!(wakeups.threads(), 1);
    }

    #[test]
    fn the_alarm_is_set_only_to_look_earlier() {
        let time = Timestamp::from_nanos;
        let mut background = Background::new();
        let mut wakeups = Wakeups::default();
        for (at, is_news) in [(100, true), (100, false), (200, false), (99, true)] {
            background.set_alarm(time(at), &mut wakeups);
            assert_eq!(wakeups.take_look(), is_news.then(|| time(at)));
        }
        background.on_alarm();
        background.set_alarm(time(300), &mut wakeups);
        assert_eq!(wakeups.take_look(), Some(time(300)));
    }
}
