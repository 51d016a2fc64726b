//! How a server comes to its end.

use core::time::Duration;

use super::server_role::ServerRole;
use super::wakeups::Wakeups;
use super::worker::{Guard, ServerLoop};
use crate::host::{LONGEST_LINGER, ShutdownReport};
use crate::time::Timestamp;

impl ServerLoop {
    /// Admits nothing more, lets handlers end within `grace` and calls that wait without a worker
    /// within `patience`, if that is shorter, and waits until the last replies are acknowledged: for
    /// `linger`, and for longer as long as large ones move.
    pub(super) fn shutdown(
        &self,
        grace: Duration,
        patience: Duration,
        linger: Duration,
    ) -> ShutdownReport {
        let now = self.shared.now();
        let (grace, patience) = (now + grace, now + patience.min(grace));
        let mut core = self.shared.lock();
        core.role.shutdowns += 1;
        if !core.is_dead() {
            core.role.endpoint.begin_shutdown();
            core = self.shared.flush(core, now);
        }
        // What a worker can do is done first; what waits without one may wait for ever.
        core = self.wait_while(core, grace, ServerRole::has_work);
        core = self.wait_while(core, patience, |role| {
            role.endpoint.running() > 0 || role.endpoint.queued() > 0
        });
        let running = core.role.endpoint.running();
        core = self.linger(core, linger, grace);
        let unacknowledged = core.role.endpoint.unacknowledged();
        drop(core);
        self.stop();
        // What is left are threads in handlers that do not end. They end when their handlers do.
        let core = self.shared.lock();
        let end = self.shared.now() + Duration::from_secs(1);
        self.wait_while(core, end, |role| role.threads > role.busy).role.shutdowns -= 1;
        ShutdownReport { running, unacknowledged }
    }

    /// Waits until the last replies are acknowledged: for `linger`, and as long as large ones move until
    /// `grace` is over, and no longer than [`LONGEST_LINGER`].
    fn linger<'a>(&'a self, mut core: Guard<'a>, linger: Duration, grace: Timestamp) -> Guard<'a> {
        let last = grace.min(self.shared.now() + LONGEST_LINGER);
        loop {
            let confirmed = core.role.endpoint.confirmed();
            let end = self.shared.now() + linger;
            core = self.wait_while(core, end, |role| role.endpoint.unacknowledged() > 0);
            let endpoint = &core.role.endpoint;
            let moves = endpoint.unacknowledged() > 0 && endpoint.confirmed() != confirmed;
            if !moves || core.is_dead() || self.shared.now() >= last {
                return core;
            }
        }
    }

    /// Ends the threads that are in no handler at once, and the others when their handlers end.
    pub(super) fn stop(&self) {
        let mut wakeups = Wakeups::default();
        let mut core = self.shared.lock();
        core.role.is_stopping = true;
        if !core.is_dead() {
            core.role.endpoint.say_goodbye();
            core = self.shared.flush(core, self.shared.now());
        }
        core.role.dismiss(&mut wakeups);
        wakeups.discard_tasks(core.role.tasks.take_all());
        core.close();
        drop(core);
        self.shared.wake_leader();
        wakeups.wake_all();
    }

    fn wait_while<'a>(
        &'a self,
        mut core: Guard<'a>,
        end: Timestamp,
        condition: impl Fn(&ServerRole) -> bool,
    ) -> Guard<'a> {
        while condition(&core.role) && !core.is_dead() {
            let rest = end.since(self.shared.now());
            if rest.is_zero() {
                break;
            }
            self.changed.wait_for(&mut core, rest);
        }
        core
    }
}
