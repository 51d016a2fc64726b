//! The event loop: endpoints on UDP sockets, and on the in-process [`Loopback`].
//!
//! The loop is a role, not a thread. At any moment at most one thread drives an endpoint, and which one
//! that is changes: the thread that waits for a reply drives the client, the thread that has just run
//! a handler drives the server. A small call therefore crosses no thread on either side.
//!
//! | file | what it does |
//! |---|---|
//! | `seat` | the role as a value, and the rules of handing it on |
//! | `client_loop`, `waiters`, `background`, `keeper`, `client` | a client's callers take turns |
//! | `worker`, `server_role`, `watchdog`, `runtimes`, `serving`, `server` | a server's threads take turns |
//! | `later`, `closing` | answers that come after the handler's end; how a server ends |
//! | `socket`, `udp`, `local`, `loopback` | datagrams, over UDP or in process |
//! | `inbox`, `outbox`, `backlog`, `wakeups` | what crosses the border of the lock |
//! | `poller`, `timer`, `clock`, `entropy` | what is asked of the system |
//! | `berth`, `spin` | where a leader sleeps, and when it does not |
//! | `troubles` | counters of what the system refuses |
//!
//! In the models of `models`, which try the orders in which threads can meet, what is asked of the system
//! is answered by a system without time, and `sync` gives the locks of a checker.
//!
//! Deliberately absent: any knowledge of the protocol, which is the [`endpoint`](crate::endpoint)'s,
//! and any waiting under the lock.

#![cfg_attr(all(test, any(loom, shuttle)), allow(dead_code, reason = "models use a part"))]

mod background;
mod backlog;
mod berth;
mod client;
mod client_loop;
#[cfg_attr(all(test, any(loom, shuttle)), path = "models/system/clock.rs")]
mod clock;
mod closing;
#[cfg_attr(all(test, any(loom, shuttle)), path = "models/system/entropy.rs")]
mod entropy;
#[cfg(test)]
mod fixtures;
mod inbox;
#[cfg_attr(all(test, any(loom, shuttle)), path = "models/system/keeper.rs")]
mod keeper;
mod later;
mod local;
mod loopback;
#[cfg(all(test, any(loom, shuttle)))]
mod models;
mod outbox;
#[cfg_attr(all(test, any(loom, shuttle)), path = "models/system/poller.rs")]
mod poller;
mod runtimes;
mod seat;
mod server;
mod server_role;
mod serving;
mod socket;
mod spin;
#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
mod timer;
mod troubles;
mod udp;
mod waiters;
mod wakeups;
#[cfg_attr(all(test, any(loom, shuttle)), path = "models/system/watchdog.rs")]
mod watchdog;
mod worker;

pub use client::{Resolve, open_udp_client};
pub use loopback::Loopback;
pub use server::bind_udp;
