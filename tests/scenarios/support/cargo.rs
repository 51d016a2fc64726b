//! Calls whose arguments and results are large.

use farcall::Pending;
use farcall::sim::Ledger;

use super::{Caller, Failed, record};

/// A call with cargo, whose result goes into the ledger.
pub(crate) struct Hauling {
    pub(crate) call: u64,
    pub(crate) pending: Pending<(u64, Vec<u8>)>,
    cargo: Vec<u8>,
    ledger: Ledger,
}

/// Bytes of which no two neighbouring parts are the same.
pub(crate) fn cargo(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 7 + index / 253) as u8).collect()
}

impl Caller {
    /// A call that takes so many bytes there and back.
    pub(crate) fn start_haul(&self, bytes: usize) -> Hauling {
        let (call, cargo) = (self.ledger.begin(), cargo(bytes));
        let pending = self.stub.start().haul(call, &cargo);
        Hauling { call, pending, cargo, ledger: self.ledger.clone() }
    }

    /// As [`start_haul`](Self::start_haul), and waits.
    pub(crate) fn haul(&self, bytes: usize) -> Result<u64, Failed> {
        self.start_haul(bytes).wait()
    }
}

impl Hauling {
    pub(crate) fn wait(self) -> Result<u64, Failed> {
        let Self { call, pending, mut cargo, ledger } = self;
        let result = pending.wait().map(|(receipt, returned)| {
            cargo.reverse();
            assert!(returned == cargo, "the cargo of call {call} is another one");
            receipt
        });
        record(&ledger, call, result)
    }
}
