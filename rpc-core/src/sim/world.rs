//! The world: the handle that scenarios hold, and how virtual time gets on.

use core::cell::{Cell, RefCell};
use core::fmt;
use core::future::Future;
use core::pin::pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::sync::{Arc, Weak};
use std::task::Wake;

use parking_lot::{Mutex, ReentrantMutex};

use super::choices::Choices;
use super::host::Host;
use super::link::Link;
use super::node::Role;
use super::random::{Purpose, Random, Stream};
use super::state::{Effects, Event, State, VirtualClock};
use super::trace::Trace;
use crate::config::{ClientConfig, ServerConfig};
use crate::error::{ConnectError, ServeError};
use crate::host::{ClientHost, Network, ServerBinding};
use crate::time::{Clock, Timestamp};

/// Handlers that call, and so drive the world from within, this deep would overflow the stack next.
const DEEPEST_NESTING: usize = 100;

/// What a world is made from. A run is determined by these values and by what the scenario does.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where every random decision comes from.
    pub choices: Choices,
    /// The properties of every path that has none of its own.
    pub link: Link,
    /// How many records the trace keeps; its hash covers all. Default 256.
    pub trace: usize,
    /// How many sent datagrams are recorded for [`World::replay`]. Default 0.
    pub recorded: usize,
    /// How many datagrams the socket of a paused host holds. Default 1,024.
    pub socket_limit: usize,
    /// Whether nothing is printed when the scenario panics. Default false.
    pub is_quiet: bool,
    /// How much virtual time one wait without a limit of its own may take, before it counts as
    /// endless and panics. Default 30 days.
    pub longest_wait: Duration,
}

impl Settings {
    /// The usual values with this seed.
    pub fn new(seed: u64) -> Self {
        Self::choosing(Choices::seeded(seed))
    }

    /// The usual values with these decisions.
    pub fn choosing(choices: Choices) -> Self {
        Self {
            choices,
            link: Link::default(),
            trace: 256,
            recorded: 0,
            socket_limit: 1024,
            is_quiet: false,
            longest_wait: Duration::from_secs(30 * 24 * 3600),
        }
    }
}

/// A network in virtual time, with everything that runs on it. See [the module](super) for how to
/// write a scenario.
///
/// A handle; clones name the same world. Nothing happens in it unless somebody drives it: a call that
/// waits, or one of the `run` methods. It may be shared between threads, and one of them drives at a
/// time; only a scenario on one thread is the same in every run.
pub struct World {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Held by the thread that drives, as often as it drives.
    driver: ReentrantMutex<()>,
    clock: Arc<VirtualClock>,
    is_failure_reported: AtomicBool,
}

impl World {
    /// A world with the default [`Settings`] and this seed.
    pub fn new(seed: u64) -> Self {
        Self::with(Settings::new(seed))
    }

    /// A world with these settings.
    pub fn with(settings: Settings) -> Self {
        let clock = Arc::new(VirtualClock::default());
        let shared = Arc::new_cyclic(|shared| Shared {
            state: Mutex::new(State::new(
                settings,
                Arc::clone(&clock),
                WeakWorld(Weak::clone(shared)),
            )),
            driver: ReentrantMutex::new(()),
            clock,
            is_failure_reported: AtomicBool::new(false),
        });
        Self { shared }
    }

    /// How much virtual time has passed since the world was made.
    pub fn now(&self) -> Duration {
        self.timestamp().since(Timestamp::ZERO)
    }

    /// A generator for the scenario's own decisions, determined by the seed and `index`. The faults do
    /// not draw from it.
    pub fn random(&self, index: u64) -> Random {
        let stream = Stream::new(Purpose::Scenario, index, 0);
        self.shared.state.lock().settings.choices.stream(stream)
    }

    /// The host of this name, made if there is none.
    ///
    /// Servers and clients opened on a [`Host`] live on it. Opened on the world itself, a server gets
    /// a host of its own name, and a client one of the name `client-1`, `client-2` and so on.
    pub fn host(&self, name: &str) -> Host {
        let id = self.with_state(|state| state.host(name));
        Host::new(self.clone(), id)
    }

    /// Plans `action` for a point in virtual time `delay` from now. It runs on the thread that drives
    /// then, and may do everything a scenario may.
    pub fn after(&self, delay: Duration, action: impl FnOnce(&Self) + Send + 'static) {
        self.with_state(|state| state.plan(delay, Event::Act(Box::new(action))));
    }

    /// Lets the next event happen, and whatever follows from it in the same instant at the same
    /// endpoint. False if nothing can happen any more.
    pub fn step(&self) -> bool {
        self.step_before(Timestamp::NEVER)
    }

    /// Lets `duration` of virtual time pass.
    pub fn run_for(&self, duration: Duration) {
        let limit = self.timestamp() + duration;
        while self.step_before(limit) {}
        self.advance(limit);
    }

    /// Lets time pass until `condition` holds; it is asked after every event.
    ///
    /// # Panics
    /// If nothing can happen any more, or [`Settings::longest_wait`] is over, and it does not hold.
    pub fn run_until(&self, mut condition: impl FnMut() -> bool) {
        let limit = self.longest_wait();
        while !condition() {
            if !self.step_before(limit) && !condition() {
                self.deadlock("the condition of `run_until` does not hold");
            }
        }
    }

    /// Lets time pass until nothing can happen any more: no datagram is on its way and no timer runs.
    ///
    /// # Panics
    /// If [`Settings::longest_wait`] is over before.
    pub fn run_until_idle(&self) {
        let limit = self.longest_wait();
        while self.step_before(limit) {}
        if self.with_state(|state| state.planned()) > 0 {
            self.deadlock("the world does not come to rest");
        }
    }

    /// Drives the world until the future is ready.
    ///
    /// # Panics
    /// If nothing can happen any more, or [`Settings::longest_wait`] is over, and it is not ready.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&flag));
        let limit = self.longest_wait();
        loop {
            if flag.0.swap(false, Ordering::Acquire) {
                if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker))
                {
                    return output;
                }
            } else if !self.step_before(limit) && !flag.0.load(Ordering::Acquire) {
                self.deadlock("the future of `block_on` is not ready");
            }
        }
    }

    /// Sets the properties of one direction of one path, between hosts by name. What is on its way
    /// already is not affected.
    pub fn set_link(&self, from: &str, to: &str, link: Link) {
        self.with_state(|state| {
            let path = (state.host(from), state.host(to));
            state.note(format!("{from} -> {to}: {link}"));
            state.link(path).own = Some(link);
        });
    }

    /// Sets the properties of all paths, those included that had their own.
    pub fn set_all_links(&self, link: Link) {
        self.with_state(|state| {
            state.note(format!("all paths: {link}"));
            state.links().for_each(|state| state.own = None);
            state.settings.link = link;
        });
    }

    /// Cuts one direction of a path: nothing gets through, neither new nor on its way.
    pub fn cut(&self, from: &str, to: &str) {
        self.with_state(|state| {
            let path = (state.host(from), state.host(to));
            state.note(format!("{from} -> {to} is cut"));
            state.link(path).is_cut = true;
        });
    }

    /// Cuts both directions of every path between one of `these` and one of `those`.
    pub fn partition(&self, these: &[&str], those: &[&str]) {
        for one in these {
            for other in those {
                self.cut(one, other);
                self.cut(other, one);
            }
        }
    }

    /// Mends everything that was cut.
    pub fn heal(&self) {
        self.with_state(|state| {
            state.note("all paths are mended".to_owned());
            state.links().for_each(|link| link.is_cut = false);
        });
    }

    /// Ends every fault of the network: heals it and makes every path a quiet local network.
    pub fn calm(&self) {
        self.heal();
        self.set_all_links(Link::default());
    }

    /// Sends every recorded datagram once more, from and to the addresses of then, in random order
    /// within `period` from now, past every fault but a cut; gives their number. How many are recorded
    /// is said by [`Settings::recorded`].
    ///
    /// This is the hardest a network can do to at-most-once: whatever was ever on its way, requests of
    /// calls that ended long ago included, comes back.
    pub fn replay(&self, period: Duration) -> usize {
        let mut random = self.random(u64::MAX);
        self.with_state(|state| {
            state.note("every recorded datagram is sent once more".to_owned());
            state.replay(&mut random, period)
        })
    }

    /// How many datagrams are recorded so far.
    pub fn recorded(&self) -> usize {
        self.with_state(|state| state.recorded())
    }

    /// Sends one recorded datagram once more; it arrives next. They are counted from zero in the order
    /// in which they were sent first. False if there is none of this number.
    pub fn replay_one(&self, number: usize) -> bool {
        self.with_state(|state| state.replay_one(number))
    }

    /// Adds a remark to the trace.
    pub fn note(&self, text: impl Into<String>) {
        self.with_state(|state| state.note(text.into()));
    }

    /// What happened so far.
    pub fn trace(&self) -> Trace {
        self.shared.state.lock().trace.clone()
    }

    /// The seed and the settings of this world, in one line.
    pub fn reproduction(&self) -> String {
        self.with_state(|state| {
            let mut text =
                format!("{}; all paths: {}", state.settings.choices, state.settings.link);
            for (from, to, link) in state.own_links() {
                text += &format!("; {from} -> {to}:");
                if let Some(own) = &link.own {
                    text += &format!(" {own}");
                }
                if link.is_cut {
                    text += " cut";
                }
            }
            text
        })
    }
}

/// Driving.
impl World {
    pub(super) fn timestamp(&self) -> Timestamp {
        self.shared.clock.now()
    }

    pub(super) fn longest_wait(&self) -> Timestamp {
        self.timestamp() + self.shared.state.lock().settings.longest_wait
    }

    /// Lets the next event happen if it comes at `limit` or before; false if there is none.
    pub(super) fn step_before(&self, limit: Timestamp) -> bool {
        let _driving = self.shared.driver.lock();
        let mut happened = false;
        self.with_state(|state| happened = state.happen(limit));
        happened
    }

    /// Moves the clock to `limit`, after everything that comes before has happened.
    pub(super) fn advance(&self, limit: Timestamp) {
        let _driving = self.shared.driver.lock();
        self.shared.state.lock().advance(limit);
    }

    /// Works on the state, then does without its lock what may run user code.
    pub(super) fn with_state<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.shared.state.lock();
        let result = work(&mut state);
        if state.effects.is_empty() {
            return result;
        }
        let effects = core::mem::take(&mut state.effects);
        drop(state);
        self.perform(effects);
        result
    }

    fn perform(&self, effects: Effects) {
        let Effects { wake, serve, discard, tasks, act } = effects;
        wake.into_iter().for_each(Waker::wake);
        drop(discard);
        tasks.into_iter().for_each(|task| task.discard());
        if !serve.is_empty() {
            // A change made by hand, like the end of a pause, may bring in calls on any thread.
            let _driving = self.shared.driver.lock();
            serve.into_iter().for_each(|node| self.serve(node));
        }
        if let Some(action) = act {
            self.nested(|| action(self));
        }
    }

    /// Runs user code, on whose behalf [`sleep`] then works.
    pub(super) fn nested<R>(&self, work: impl FnOnce() -> R) -> R {
        let _entered = Entered::new(self);
        work()
    }

    pub(super) fn deadlock(&self, who: &str) -> ! {
        let situation = self.with_state(|state| {
            let mut text = String::new();
            for node in state.nodes.values() {
                let name = &state.hosts[node.host].name;
                match &node.role {
                    Role::Client(client) => {
                        let open = client.endpoint.open_calls();
                        text += &format!("\n  client on {name}: {open} open calls");
                    }
                    Role::Server(server) => {
                        let (busy, queued) = (server.busy(), server.queued());
                        let suspended = server.suspended();
                        text += &format!(
                            "\n  server on {name}: {busy} running, {queued} queued, {suspended} \
                             to be answered later"
                        );
                    }
                    Role::Machine(_) | Role::Bound => {}
                }
                if !state.hosts[node.host].is_running() {
                    text += " (the host is down or paused)";
                }
            }
            text
        });
        panic!(
            "deadlock at {:?} of virtual time: {who}, and nothing can happen any more or the longest \
             wait is over{situation}\n{}",
            self.now(),
            self.reproduction()
        );
    }
}

/// A handle that does not keep the world alive.
#[derive(Clone)]
pub(super) struct WeakWorld(Weak<Shared>);

impl WeakWorld {
    pub(super) fn upgrade(&self) -> Option<World> {
        self.0.upgrade().map(|shared| World { shared })
    }
}

impl Clone for World {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

/// A scenario that fails leaves what is needed to see why.
impl Drop for World {
    fn drop(&mut self) {
        // A handler's panic is not the scenario's: it becomes an error of the call.
        if !std::thread::panicking() || Entered::depth() > 0 {
            return;
        }
        if self.shared.is_failure_reported.swap(true, Ordering::Relaxed) {
            return;
        }
        // The panic may come from within the state itself.
        let Some(state) = self.shared.state.try_lock() else { return };
        if state.settings.is_quiet {
            return;
        }
        let trace = state.trace.clone();
        drop(state);
        eprintln!(
            "{trace}failed in a simulated world, to be reproduced with {}",
            self.reproduction()
        );
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("now", &self.now()).finish_non_exhaustive()
    }
}

impl Network for World {
    fn open_client(
        &self,
        name: &str,
        config: ClientConfig,
    ) -> Result<Arc<dyn ClientHost>, ConnectError> {
        let host = self.with_state(|state| state.unused_host_name());
        self.host(&host).open_client(name, config)
    }

    fn open_server(
        &self,
        name: &str,
        config: &ServerConfig,
    ) -> Result<Box<dyn ServerBinding>, ServeError> {
        self.host(name).open_server(name, config)
    }
}

/// Lets `duration` of virtual time pass, from inside a handler or an action of a simulated world.
///
/// The world goes on meanwhile: other handlers run on this thread, inside this call. Of handlers that
/// sleep or call at the same time, the one that began last ends first; if it takes longer, those
/// around it end late. A service time ([`Host::set_service_time`]) has no such limit.
///
/// # Panics
/// Outside a simulated world.
pub fn sleep(duration: Duration) {
    let world = Entered::innermost().expect("`sim::sleep` outside a simulated world");
    world.run_for(duration);
}

/// The virtual time, from inside a handler or an action of a simulated world: since it was made.
///
/// # Panics
/// Outside a simulated world.
pub fn now() -> Duration {
    Entered::innermost().expect("`sim::now` outside a simulated world").now()
}

thread_local! {
    static WORLDS: RefCell<Vec<World>> = const { RefCell::new(Vec::new()) };
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// User code runs inside a world on this thread.
struct Entered;

impl Entered {
    fn new(world: &World) -> Self {
        let depth = Self::depth();
        assert!(
            depth < DEEPEST_NESTING,
            "{depth} handlers wait inside each other: a chain of calls without end?"
        );
        WORLDS.with_borrow_mut(|worlds| worlds.push(world.clone()));
        DEPTH.set(depth + 1);
        Self
    }

    fn depth() -> usize {
        DEPTH.get()
    }

    fn innermost() -> Option<World> {
        WORLDS.with_borrow(|worlds| worlds.last().cloned())
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let world = WORLDS.with_borrow_mut(Vec::pop);
        // While this guard unwinds, dropping the handle must still count as inside.
        drop(world);
        DEPTH.set(Self::depth() - 1);
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}
