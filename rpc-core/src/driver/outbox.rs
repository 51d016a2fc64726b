//! Datagrams on their way from the endpoint to the socket.

use core::cell::Cell;
use std::sync::Arc;

use super::socket::Socket;
use crate::endpoint::{Machine, Transmit};
use crate::time::Timestamp;

/// Datagrams that were taken from an endpoint under its lock and are sent without it.
///
/// Each thread keeps the buffers of its last outbox, so that sending allocates nothing.
#[derive(Default)]
pub(super) struct Outbox {
    buffers: Buffers,
    socket: Option<Arc<Socket>>,
}

#[derive(Default)]
struct Buffers {
    bytes: Vec<u8>,
    transmits: Vec<Transmit>,
}

/// How much is taken under one lock.
const MOST_DATAGRAMS: usize = 64;
const MOST_BYTES: usize = 256 * 1024;

thread_local! {
    static SPARE: Cell<Buffers> = const {
        Cell::new(Buffers { bytes: Vec::new(), transmits: Vec::new() })
    };
}

impl Outbox {
    /// An empty outbox.
    pub(super) fn new() -> Self {
        let buffers = SPARE.try_with(Cell::take).unwrap_or_default();
        Self { buffers, socket: None }
    }

    /// Takes what `machine` has to send, unless the socket can send nothing for now: then it is asked
    /// for when the socket can. False if there may be more.
    pub(super) fn fill(
        &mut self,
        machine: &mut impl Machine,
        now: Timestamp,
        socket: Option<&Arc<Socket>>,
    ) -> bool {
        if socket.is_some_and(|socket| socket.backlog().is_blocked()) {
            return true;
        }
        let Buffers { bytes, transmits } = &mut self.buffers;
        while transmits.len() < MOST_DATAGRAMS && bytes.len() < MOST_BYTES {
            let Some(transmit) = machine.poll_transmit(now, bytes) else { return true };
            if transmits.is_empty() {
                self.socket = socket.cloned();
            }
            transmits.push(transmit);
        }
        false
    }

    pub(super) fn is_empty(&self) -> bool {
        self.buffers.transmits.is_empty()
    }

    /// Sends everything that can be sent. False if the leader has to look after the rest.
    pub(super) fn send(&mut self) -> bool {
        let Buffers { bytes, transmits } = &mut self.buffers;
        let is_fine = match &self.socket {
            Some(socket) => socket.send(bytes, transmits),
            None => true,
        };
        transmits.clear();
        bytes.clear();
        self.socket = None;
        is_fine
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let mut buffers = core::mem::take(&mut self.buffers);
        buffers.bytes.clear();
        buffers.transmits.clear();
        // A thread that is ending has no place for it any more.
        let _ = SPARE.try_with(|spare| spare.set(buffers));
    }
}
