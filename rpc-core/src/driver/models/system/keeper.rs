//! Alarms of clients that nobody drives. No time passes here, so none of them rings.

use std::sync::Arc;

use super::client_loop::ClientLoop;
use crate::time::Timestamp;

/// The alarm of one client.
pub(super) struct Alarm;

impl Alarm {
    pub(super) fn new() -> Self {
        Self
    }

    pub(super) fn set(&self, _client: &Arc<ClientLoop>, _time: Timestamp) {}

    pub(super) fn cancel(&self) {}
}
