//! The event loop: endpoints on UDP sockets, and on the in-process [`Loopback`].
//!
//! The loop is a role, not a thread. At any moment at most one thread drives an endpoint, and which one
//! that is changes: the thread that waits for a reply drives the client, the thread that has just run
//! a handler drives the server. A small call therefore crosses no thread on either side.
//!
//! | file | what it does |
//! |---|---|
//! | `seat` | the role as a value, and the rules of handing it on |
//! | `client_loop`, `waiters`, `background`, `client` | a client's callers take turns |
//! | `worker`, `server_role`, `watchdog`, `runtimes`, `serving`, `server` | a server's threads take turns |
//! | `later`, `closing` | answers that come after the handler's end; how a server ends |
//! | `socket`, `udp`, `local`, `loopback` | datagrams, over UDP or in process |
//! | `inbox`, `outbox`, `backlog`, `wakeups` | what crosses the border of the lock |
//! | `timer`, `clock`, `entropy` | what is asked of the system |
//! | `troubles` | counters of what the system refuses |
//!
//! Deliberately absent: any knowledge of the protocol, which is the [`endpoint`](crate::endpoint)'s,
//! and any waiting under the lock.

mod background;
mod backlog;
mod client;
mod client_loop;
mod clock;
mod closing;
mod entropy;
mod inbox;
mod later;
mod local;
mod loopback;
mod outbox;
mod runtimes;
mod seat;
mod server;
mod server_role;
mod serving;
mod socket;
#[cfg(test)]
mod tests;
mod timer;
mod troubles;
mod udp;
mod waiters;
mod wakeups;
mod watchdog;
mod worker;

pub use client::{Resolve, open_udp_client};
pub use loopback::Loopback;
pub use server::bind_udp;
