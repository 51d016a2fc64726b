//! What is made of `schema/store.capnp`.
#![allow(unreachable_pub, unused_qualifications)]
#![allow(clippy::all, clippy::pedantic, clippy::nursery)]

include!(concat!(env!("OUT_DIR"), "/store_capnp.rs"));
