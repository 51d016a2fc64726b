//! Whole endpoints on real sockets of this host, where things go wrong; where it matters, on the
//! in-process network as well.
#![allow(unreachable_pub, reason = "interfaces are written here as users write them")]

#[path = "../support/mod.rs"]
mod support;

mod crowds;
mod loss;
mod overload;
mod panics;
mod reentrance;
mod restart;
mod silence;
mod strangers;
