//! What the checks of the fuzz targets ask a server about itself.

use super::ServerEndpoint;
use super::incoming::CallToken;
use super::records::Phase;

/// A call's session, lane and number.
pub(crate) type Name = (u64, u16, u64);

impl ServerEndpoint {
    /// Which call this is, while there is a record of it.
    pub(crate) fn name_of(&self, token: CallToken) -> Option<Name> {
        self.records.get(token).map(|record| (record.session_id, record.lane, record.sequence))
    }

    /// The calls whose arguments have not arrived whole.
    pub(crate) fn receiving(&self) -> Vec<Name> {
        let is_receiving = |token: &CallToken| {
            let record = self.records.get(*token);
            record.is_some_and(|record| matches!(record.phase, Phase::Receiving(_)))
        };
        let tokens = self.budget.all.tokens().filter(is_receiving);
        tokens.filter_map(|token| self.name_of(token)).collect()
    }
}
