//! What is made of `schema/store.capnp`.
#![allow(unreachable_pub, unused_qualifications, clippy::all)]

include!(concat!(env!("OUT_DIR"), "/store_capnp.rs"));
