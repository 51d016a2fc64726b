//! What a user would pick instead, each as its documentation shows it, and set up to be fast.
//!
//! `README.md` says which settings these are, and why.

mod capnp;
mod libtirpc;
mod quinn;
mod tarpc;
mod tonic;
mod unverified;

use bytes::Bytes;
use farcall_workloads::System;
use std::sync::{Mutex, PoisonError};

use crate::asynchronous::Asynchronous;

/// All of them.
pub(crate) fn all() -> Vec<&'static dyn System> {
    vec![
        &Asynchronous(tarpc::Tarpc),
        &Asynchronous(tonic::Tonic),
        &Asynchronous(capnp::Capnp),
        &Asynchronous(quinn::Quinn),
        &libtirpc::Libtirpc::UDP,
        &libtirpc::Libtirpc::TCP,
    ]
}

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
