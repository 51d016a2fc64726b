//! What is encoded.

use bitcode::{Decode, Encode};
use farcall::Marshal;
use serde::{Deserialize, Serialize};
use wincode::{SchemaRead, SchemaWrite};

/// How many of the small ones there are in a row.
const SAMPLES: usize = 1000;
/// How many numbers there are in a row.
const NUMBERS: usize = 64 << 10;
/// How many bytes there are in a row.
const BYTES: usize = 1 << 20;

/// A small structure, as a control message has it.
#[derive(
    Clone,
    PartialEq,
    Marshal,
    Serialize,
    Deserialize,
    Encode,
    Decode,
    SchemaWrite,
    SchemaRead,
    prost::Message,
)]
pub(crate) struct Sample {
    #[prost(uint64, tag = 1)]
    pub(crate) id: u64,
    #[prost(uint32, tag = 2)]
    pub(crate) kind: u32,
    #[prost(double, tag = 3)]
    pub(crate) x: f64,
    #[prost(double, tag = 4)]
    pub(crate) y: f64,
    #[prost(double, tag = 5)]
    pub(crate) z: f64,
    #[prost(bool, tag = 6)]
    pub(crate) is_valid: bool,
}

// Protocol buffers have no rows but in messages.

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Samples {
    #[prost(message, repeated, tag = 1)]
    pub(crate) row: Vec<Sample>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Floats {
    #[prost(double, repeated, tag = 1)]
    pub(crate) row: Vec<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Numbers {
    #[prost(uint32, repeated, tag = 1)]
    pub(crate) row: Vec<u32>,
}

/// The same numbers where each takes as many bytes.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct FixedNumbers {
    #[prost(fixed32, repeated, tag = 1)]
    pub(crate) row: Vec<u32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Opaque {
    #[prost(bytes = "vec", tag = 1)]
    pub(crate) data: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Shared {
    #[prost(bytes = "bytes", tag = 1)]
    pub(crate) data: bytes::Bytes,
}

pub(crate) fn sample(id: u64) -> Sample {
    // Spread over all lengths that an integer can have.
    let id = id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (id % 64);
    let part = id as f64;
    Sample {
        id,
        kind: id as u32,
        x: part / 3.0,
        y: -part,
        z: part.sqrt(),
        is_valid: id.is_multiple_of(3),
    }
}

pub(crate) fn samples() -> Vec<Sample> {
    (0..SAMPLES as u64).map(sample).collect()
}

pub(crate) fn floats() -> Vec<f64> {
    (0..NUMBERS as u64).map(|number| sample(number).x).collect()
}

pub(crate) fn numbers() -> Vec<u32> {
    (0..NUMBERS as u64).map(|number| sample(number).kind).collect()
}

pub(crate) fn opaque() -> Vec<u8> {
    farcall_workloads::Message::new(BYTES, farcall_workloads::Check::Whole).bytes().to_vec()
}
