//! Answers of simulated servers that come after the handler's end.

use std::sync::{Arc, Weak};

use super::node::NodeId;
use super::world::WeakWorld;
use crate::endpoint::server::{CallToken, Finished};
use crate::service::{Keeper, Task};

/// One incarnation of a simulated server, as the calls see it that it answers later.
pub(super) struct Incarnation {
    me: Weak<Self>,
    world: WeakWorld,
    node: NodeId,
    number: u64,
}

impl Incarnation {
    pub(super) fn new(world: WeakWorld, node: NodeId, number: u64) -> Arc<Self> {
        Arc::new_cyclic(|me| Self { me: Weak::clone(me), world, node, number })
    }
}

impl Keeper for Incarnation {
    /// What follows from it at the server waits for whoever drives the world.
    fn complete(&self, token: CallToken, finished: Finished) {
        if let Some(world) = self.world.upgrade() {
            world.with_state(|state| state.answer(self.node, self.number, token, finished));
        }
    }

    fn schedule(&self, task: Arc<Task>) {
        let left = match self.world.upgrade() {
            Some(world) => world.with_state(|state| state.wake_task(self.node, self.number, task)),
            None => Some(task),
        };
        if let Some(task) = left {
            task.discard();
        }
    }

    fn downgrade(&self) -> Weak<dyn Keeper> {
        Weak::clone(&self.me) as Weak<dyn Keeper>
    }
}
