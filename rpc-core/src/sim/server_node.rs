//! A server endpoint on a simulated host: its workers, and the futures of its handlers.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::keeper::Incarnation;
use super::oracles::ServerWatch;
use super::random::Random;
use crate::config::ServerConfig;
use crate::endpoint::ServerEndpoint;
use crate::endpoint::server::{CallToken, Finished, MethodTable, Ready};
use crate::service::{Dispatched, Registry, Task, Tasks};
use crate::time::{Clock, Timestamp};

/// A server endpoint, its handlers and its workers.
pub(super) struct ServerNode {
    /// `None` while its host is down.
    pub(super) endpoint: Option<ServerEndpoint>,
    pub(super) registry: Arc<Registry>,
    pub(super) config: ServerConfig,
    /// How often it crashed.
    pub(super) incarnation: u64,
    pub(super) random: Random,
    pub(super) watch: ServerWatch,
    methods: MethodTable,
    /// Workers with a call.
    busy: usize,
    /// Those of them whose handlers never answer.
    endless: usize,
    /// Futures that answer calls.
    tasks: Tasks,
    /// Calls whose service time is not over, and what came for them meanwhile.
    engaged: BTreeMap<CallToken, Engaged>,
    /// This incarnation. `None` while its host is down.
    keeper: Option<Arc<Incarnation>>,
}

/// What is kept back until the service time of a call is over.
#[derive(Default)]
struct Engaged {
    answer: Option<Finished>,
    woken: Option<Arc<Task>>,
}

/// What a worker of a simulated server does next.
pub(super) enum Work {
    Call(Ready),
    Task(Arc<Task>),
}

impl ServerNode {
    pub(super) fn new(
        config: ServerConfig,
        registry: Registry,
        methods: MethodTable,
        random: Random,
    ) -> Self {
        Self {
            endpoint: None,
            registry: Arc::new(registry),
            config,
            incarnation: 0,
            random,
            watch: ServerWatch::default(),
            methods,
            busy: 0,
            endless: 0,
            tasks: Tasks::default(),
            engaged: BTreeMap::new(),
            keeper: None,
        }
    }

    pub(super) fn start(
        &mut self,
        clock: Arc<dyn Clock>,
        entropy: Box<Random>,
        now: Timestamp,
        keeper: Arc<Incarnation>,
    ) {
        self.keeper = Some(keeper);
        let (config, methods) = (self.config.clone(), self.methods.clone());
        self.endpoint = Some(ServerEndpoint::new(config, methods, clock, entropy, now));
    }

    /// Everything that is in memory is gone, the running handlers included. Gives the futures, to be
    /// discarded when the lock is free.
    #[must_use = "they must be discarded when the lock is free"]
    pub(super) fn crash(&mut self) -> Vec<Arc<Task>> {
        self.endpoint = None;
        self.keeper = None;
        self.incarnation += 1;
        self.busy = 0;
        self.endless = 0;
        let mut tasks = self.tasks.take_all();
        let engaged = core::mem::take(&mut self.engaged);
        tasks.extend(engaged.into_values().filter_map(|engaged| engaged.woken));
        tasks
    }

    /// A worker is free and has something to do.
    pub(super) fn has_work(&self) -> bool {
        self.busy < self.config.workers && (self.is_call_ready() || self.tasks.woken() > 0)
    }

    fn is_call_ready(&self) -> bool {
        self.endpoint.as_ref().is_some_and(|endpoint| endpoint.peek_ready().is_some())
    }

    /// Takes what a worker does next.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<Work> {
        if self.busy >= self.config.workers {
            return None;
        }
        let is_tasks_turn = self.tasks.next(|| self.is_call_ready()).is_some();
        let endpoint = self.endpoint.as_mut().filter(|_| !is_tasks_turn);
        let work = match endpoint.and_then(|endpoint| endpoint.take_ready(now)) {
            Some(ready) => {
                self.tasks.on_call_taken();
                Work::Call(ready)
            }
            None => Work::Task(self.tasks.take()?),
        };
        self.busy += 1;
        Some(work)
    }

    /// This incarnation, for calls that are answered later.
    pub(super) fn keeper(&self) -> Option<Arc<Incarnation>> {
        self.keeper.clone()
    }

    /// The service time of a call begins: what comes for it meanwhile is kept back.
    pub(super) fn engage(&mut self, token: CallToken) {
        self.engaged.insert(token, Engaged::default());
    }

    /// The service time of a call is over; `finished` is its result, unless that comes later. Gives the
    /// method if the call has been answered, and nothing if it died with an earlier incarnation.
    pub(super) fn complete(
        &mut self,
        now: Timestamp,
        incarnation: u64,
        token: CallToken,
        finished: Option<Finished>,
    ) -> Option<u32> {
        if incarnation != self.incarnation {
            return None;
        }
        let endpoint = self.endpoint.as_mut()?;
        self.busy -= 1;
        let engaged = self.engaged.remove(&token).unwrap_or_default();
        if let Some(task) = engaged.woken {
            self.tasks.wake(now, task);
        }
        match engaged.answer.or(finished) {
            Some(finished) => self.record(token, finished),
            None => {
                endpoint.suspend(token);
                None
            }
        }
    }

    /// A call has been run that is answered later. Gives what is to be dropped when the lock is free.
    #[must_use = "it must be dropped when the lock is free"]
    pub(super) fn put_off(
        &mut self,
        now: Timestamp,
        incarnation: u64,
        token: CallToken,
        later: Dispatched,
    ) -> Option<Arc<Task>> {
        let Some(endpoint) = self.endpoint.as_mut().filter(|_| incarnation == self.incarnation)
        else {
            return later.into_task();
        };
        let Some(engaged) = self.engaged.get_mut(&token) else {
            self.busy -= 1;
            let is_open = endpoint.suspend(token);
            return if is_open { self.tasks.keep(now, token, later) } else { later.into_task() };
        };
        // A worker is busy with it until the service time is over.
        match later {
            Dispatched::Woken(task) => {
                let idle = Dispatched::Idle(Arc::clone(&task));
                engaged.woken = Some(task);
                self.tasks.keep(now, token, idle)
            }
            later => self.tasks.keep(now, token, later),
        }
    }

    /// A call is answered after its handler has returned. Gives the method if that counts now.
    pub(super) fn answer(
        &mut self,
        incarnation: u64,
        token: CallToken,
        finished: Finished,
    ) -> Option<u32> {
        if incarnation != self.incarnation {
            return None;
        }
        if let Some(engaged) = self.engaged.get_mut(&token) {
            engaged.answer.get_or_insert(finished);
            return None;
        }
        self.record(token, finished)
    }

    fn record(&mut self, token: CallToken, finished: Finished) -> Option<u32> {
        let endpoint = self.endpoint.as_mut()?;
        let method = endpoint.method_of(token)?;
        self.watch.ending(endpoint, token, &finished);
        endpoint.complete(token, finished);
        self.tasks.forget(token);
        Some(method)
    }

    /// A future was woken. It is given back if it died with an earlier incarnation.
    pub(super) fn wake(
        &mut self,
        now: Timestamp,
        incarnation: u64,
        task: Arc<Task>,
    ) -> Option<Arc<Task>> {
        if incarnation != self.incarnation || self.endpoint.is_none() {
            return Some(task);
        }
        match self.engaged.get_mut(&task.token()) {
            Some(engaged) => engaged.woken = Some(task),
            None => self.tasks.wake(now, task),
        }
        None
    }

    /// Workers with a call.
    pub(super) fn busy(&self) -> usize {
        self.busy
    }

    /// A handler that was taken will never answer.
    pub(super) fn give_up_one(&mut self) {
        self.endless += 1;
    }

    /// Calls that were taken and not answered.
    pub(super) fn running(&self) -> usize {
        self.endpoint.as_ref().map_or(0, ServerEndpoint::running)
    }

    /// Those of them that wait for an answer without a worker.
    pub(super) fn suspended(&self) -> usize {
        self.endpoint.as_ref().map_or(0, ServerEndpoint::suspended)
    }

    /// Calls that will come to an end some time.
    pub(super) fn to_be_done(&self) -> usize {
        let queued = if self.endless < self.config.workers { self.queued() } else { 0 };
        self.busy - self.endless + queued
    }

    /// Calls that wait for a worker.
    pub(super) fn queued(&self) -> usize {
        self.endpoint.as_ref().map_or(0, ServerEndpoint::queued)
    }

    /// Grows while large replies arrive.
    pub(super) fn confirmed(&self) -> u64 {
        self.endpoint.as_ref().map_or(0, ServerEndpoint::confirmed)
    }

    /// Stored replies that no client has acknowledged.
    pub(super) fn unacknowledged(&self) -> usize {
        self.endpoint.as_ref().map_or(0, ServerEndpoint::unacknowledged)
    }
}

impl Drop for ServerNode {
    fn drop(&mut self) {
        self.crash().into_iter().for_each(|task| task.discard());
    }
}
