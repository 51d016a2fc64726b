//! The interface of the scenarios and its handlers.

use std::time::Duration;

use farcall::sim::{self, Ledger};
use farcall::{Context, rpc_interface};

/// Every method takes the number that a call has in the ledger, and most return the receipt.
#[rpc_interface]
pub(crate) trait Work {
    fn run(&self, call: u64) -> u64;

    #[rpc(idempotent)]
    fn look(&self, call: u64) -> u64;

    #[rpc(oneway)]
    fn tell(&self, call: u64);

    /// Sleeps, and reports its progress four times.
    fn nap(&self, #[ctx] cx: &Context, call: u64, milliseconds: u64) -> u64;

    /// Panics.
    fn fail(&self, call: u64) -> u64;

    /// Returns the receipt, and the cargo back to front.
    fn haul(&self, call: u64, cargo: &[u8]) -> (u64, Vec<u8>);

    /// Returns so many bytes.
    fn fill(&self, call: u64, bytes: u32, padding: &[u8]) -> Vec<u8>;
}

pub(crate) struct Worker(pub(crate) Ledger);

impl Work for Worker {
    fn run(&self, call: u64) -> u64 {
        self.0.execute(call)
    }

    fn look(&self, call: u64) -> u64 {
        self.0.execute(call)
    }

    fn tell(&self, call: u64) {
        self.0.execute(call);
    }

    fn nap(&self, cx: &Context, call: u64, milliseconds: u64) -> u64 {
        let receipt = self.0.execute(call);
        for part in 1..=4 {
            sim::sleep(Duration::from_millis(milliseconds / 4));
            cx.report(part, 4);
        }
        receipt
    }

    fn fail(&self, call: u64) -> u64 {
        self.0.execute(call);
        panic!("as asked");
    }

    fn haul(&self, call: u64, cargo: &[u8]) -> (u64, Vec<u8>) {
        (self.0.execute(call), cargo.iter().rev().copied().collect())
    }

    fn fill(&self, call: u64, bytes: u32, _padding: &[u8]) -> Vec<u8> {
        self.0.execute(call);
        vec![7; bytes as usize]
    }
}
