//! Calls with large arguments and results.
//!
//! Both are `Bytes`: a handler is lent the received message without a copy, may keep it, and gives it
//! back without one, and a caller gets its result as a part of the message.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use farcall::rpc_interface;

use super::message::checksum;

/// Messages of any size.
#[rpc_interface]
pub trait Store {
    /// The same bytes.
    fn echo(&self, data: Bytes) -> Bytes;
    /// Keeps the bytes until others come, and says how many they are.
    fn put(&self, data: Bytes) -> u64;
    /// The checksum of what is kept.
    fn checksum(&self) -> u64;
}

/// It keeps one message.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Bytes>);

impl Store for Memory {
    fn echo(&self, data: Bytes) -> Bytes {
        data
    }

    fn put(&self, data: Bytes) -> u64 {
        let length = data.len() as u64;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = data;
        length
    }

    fn checksum(&self) -> u64 {
        // Let go of at once: what is kept takes memory, and what takes memory takes time.
        let data = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        checksum(&data)
    }
}
