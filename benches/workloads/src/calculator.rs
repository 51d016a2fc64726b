//! The small calls that are measured.

use core::time::Duration;

use farcall::rpc_interface;

/// A call that does next to nothing, so that what is measured is the way there and back; and one that takes
/// long.
#[rpc_interface]
pub trait Calculator {
    /// The sum.
    fn add(&self, a: i32, b: i32) -> i32;
    /// Nothing, after so many microseconds.
    fn hold(&self, microseconds: u64);
}

/// It adds.
#[derive(Debug)]
pub struct Calc;

impl Calculator for Calc {
    fn add(&self, a: i32, b: i32) -> i32 {
        a.wrapping_add(b)
    }

    fn hold(&self, microseconds: u64) {
        std::thread::sleep(Duration::from_micros(microseconds));
    }
}
