//! What a user would pick instead, each as its documentation shows it, and set up to be fast.
//!
//! `README.md` says which settings these are, and why.

mod capnp;
mod libtirpc;
mod quinn;
mod tarpc;
mod tonic;
mod unverified;

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use farcall_workloads::System;

use crate::asynchronous::Asynchronous;

pub(crate) const TARPC: &dyn System = &Asynchronous(tarpc::Tarpc);
pub(crate) const TONIC: &dyn System = &Asynchronous(tonic::Tonic);
pub(crate) const CAPNP: &dyn System = &Asynchronous(capnp::Capnp);
pub(crate) const QUINN: &dyn System = &Asynchronous(quinn::Quinn::DEFAULT);
pub(crate) const QUINN_SMALL_CALLS: &dyn System = &Asynchronous(quinn::Quinn::SMALL_CALLS);
pub(crate) const QUINN_LARGE_MESSAGES: &dyn System = &Asynchronous(quinn::Quinn::LARGE_MESSAGES);
pub(crate) const LIBTIRPC_UDP: &dyn System = &libtirpc::Libtirpc::UDP;
pub(crate) const LIBTIRPC_TCP: &dyn System = &libtirpc::Libtirpc::TCP;

/// What a server keeps of an upload.
#[derive(Debug, Default)]
struct Kept(Mutex<Bytes>);

impl Kept {
    /// The length of what is kept from now on.
    fn put(&self, data: Bytes) -> u64 {
        let length = data.len() as u64;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = data;
        length
    }

    /// The checksum of what was kept, which is let go of: what takes memory takes time.
    fn checksum(&self) -> u64 {
        let data = core::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        farcall_workloads::message::checksum(&data)
    }
}
