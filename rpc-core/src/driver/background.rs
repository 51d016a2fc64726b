//! The background thread of a client: started when it is first needed, asleep unless it is.
//!
//! Callers drive the loop themselves while they wait. This thread is there for what nobody waits for:
//! futures that wait in an executor, calls that were detached, the handshake of calls that were only
//! started, the next deadline of an endpoint that nobody drives, and the resolution of names.

use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::client_loop::{ClientLoop, ClientRole};
use super::waiters::Subject;
use super::wakeups::Wakeups;
use crate::endpoint::Machine;
use crate::service::bury;
use crate::sync::thread::{self, Thread};
use crate::time::Timestamp;

/// How long the background thread sleeps at most while calls are being started, so that starting one seldom
/// means waking it: that costs more than the call.
pub(super) const LOOK: Duration = Duration::from_millis(5);

/// What others need to know of the background thread.
pub(super) struct Background {
    state: State,
    /// When it looks by itself. The origin of time while it is awake.
    alarm: Timestamp,
}

enum State {
    Absent,
    Starting,
    Present(Thread),
}

impl Background {
    pub(super) fn new() -> Self {
        Self { state: State::Absent, alarm: Timestamp::NEVER }
    }

    /// Makes sure that it looks at `time` or earlier. It is woken only if it would not.
    pub(super) fn summon(&mut self, time: Timestamp, wakeups: &mut Wakeups) {
        if time >= self.alarm {
            return;
        }
        self.alarm = time;
        match &self.state {
            State::Present(thread) => wakeups.add_thread(thread.clone()),
            State::Starting => {}
            State::Absent => {
                self.state = State::Starting;
                wakeups.start_background();
            }
        }
    }

    /// When it looks by itself.
    #[cfg(test)]
    pub(super) fn alarm(&self) -> Timestamp {
        self.alarm
    }

    /// Lets it see that it is over.
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
        background.alarm = Timestamp::NEVER;
    }
}

fn run(client: &Arc<ClientLoop>) {
    let shared = &client.shared;
    let mut core = shared.lock();
    core.role.background.state = State::Present(thread::current());
    let mut looked_at = Timestamp::ZERO;
    while !core.is_dead() && !core.role.is_closed {
        core.role.background.alarm = Timestamp::ZERO;
        if core::mem::take(&mut core.role.wants_servers) {
            drop(core);
            resolve(client);
            core = shared.lock();
            continue;
        }
        let now = shared.now();
        let deadline = core.role.endpoint.poll_timeout().unwrap_or(Timestamp::NEVER);
        let is_wanted = core.role.wants_leader() || core.has_backlog();
        if core.has_seat() && (is_wanted || deadline <= now) {
            // Once, or for as long as it is wanted.
            let until = if is_wanted { None } else { Some(now) };
            let mut has_led = false;
            let check = |role: &mut ClientRole| {
                let goes_on = !has_led || (role.wants_leader() && !role.wants_servers);
                has_led = true;
                (!goes_on).then_some(())
            };
            client.drive(core, Subject::News, until, check);
            core = shared.lock();
            continue;
        }
        // While others lead they keep the deadlines, and see to it when they leave that this thread
        // does. It only has to look now and then so that leaving seldom means waking it.
        let is_in_use = core.role.last_start_at >= looked_at;
        looked_at = now;
        let alarm = match core.has_seat() {
            false => now + client.idle_delay,
            true if is_in_use => deadline.min(now + LOOK),
            true => deadline,
        };
        core.role.background.alarm = alarm;
        drop(core);
        park(alarm, now);
        core = shared.lock();
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
    fn it_is_woken_only_to_look_earlier() {
        let time = Timestamp::from_nanos;
        let mut background = Background::new();
        let mut wakeups = Wakeups::default();
        background.summon(time(100), &mut wakeups);
        assert!(wakeups.take_start(), "it is started when it is first needed");
        background.summon(time(50), &mut wakeups);
        assert!(!wakeups.take_start(), "it looks by itself when it has started");

        background.state = State::Present(thread::current());
        background.alarm = time(100);
        background.summon(time(100), &mut wakeups);
        background.summon(time(200), &mut wakeups);
        assert_eq!(wakeups.threads(), 0);
        background.summon(time(99), &mut wakeups);
        background.summon(time(99), &mut wakeups);
        assert_eq!(wakeups.threads(), 1);
    }
}
