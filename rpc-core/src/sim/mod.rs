//! A network in virtual time, with faults: the same stubs and handlers, run from one seed.
//!
//! A [`World`] holds hosts, the paths between them, and one clock that jumps from event to event. An
//! hour of waiting takes no time, and a seed gives the same run again, to the last datagram. The faults
//! are the network's: the protocol runs as it does on sockets and has no hooks for them.
//!
//! # A scenario
//!
//! ```ignore
//! use std::time::Duration;
//! use farcall::sim::{Delay, Link, World};
//!
//! let world = World::new(42);
//! let server = Server::on(&world, "calc")?.serve(CalculatorServer::new(Calc)).spawn()?;
//! let calc = CalculatorClient::on(&world.host("alice"), "calc")?;
//!
//! // Every tenth datagram is lost, and they overtake each other.
//! let delay = Delay::uniform(Duration::from_millis(1), Duration::from_millis(20));
//! world.set_all_links(Link { loss: 0.1, delay, ..Link::default() });
//! assert_eq!(calc.add(2, 3)?, 5);
//!
//! // The server is restarted 500 ms into a call that takes a second, after it has said that it is
//! // working on it.
//! world.host("calc").set_service_time(Duration::from_secs(1));
//! world.after(Duration::from_millis(500), |world| world.host("calc").restart());
//! let error = calc.add(2, 3).unwrap_err();
//! assert_eq!(error.outcome(), Outcome::Executed);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How time passes
//!
//! - Nothing happens unless somebody drives: a call that waits, or [`World::run_for`],
//!   [`run_until`](World::run_until), [`block_on`](World::block_on), [`step`](World::step).
//! - Handlers run on the driving thread and take no virtual time of their own. What they are to take is
//!   a setting of their host: [`Host::set_service_time`].
//! - A handler may call other servers, and may [`sleep`]. Then it drives the world from within, and
//!   other handlers may run inside it; they end in stack order, the last begun first.
//! - If somebody waits for ever and nothing can happen any more, that is a panic which says so.
//!
//! # When a scenario fails
//!
//! The last handle of the world that a panicking thread drops prints the end of the [`Trace`] and one
//! line with the seed and the settings. [`World::note`] adds a scenario's own remarks to the trace.
//! A [`Ledger`] says whether calls ran as often as their callers were told.
//!
//! # What decides a run
//!
//! The [`Settings`], with the [`Choices`] in them, and what the scenario does, on one thread. A scenario must
//! take its own random decisions from [`World::random`], and set `ServerConfig::workers`, whose default depends
//! on the machine.
//!
//! Then a scenario is run for many seeds; a seed that fails is shrunk to what matters ([`shrink`]); a small scenario
//! is run with every single fault, wherever it comes ([`Exhaustive`]):
//!
//! ```ignore
//! for choices in Exhaustive::new(1) {
//!     let link = Link { loss: 0.5, duplication: 0.5, ..Link::default() };
//!     scenario(World::with(Settings { link, ..Settings::choosing(choices) }));
//! }
//! ```
//!
//! # What is checked
//!
//! Oracles look on at every event: whether servers and clients of farcall keep what they promise. A promise that is
//! broken is a panic which says so. A scenario adds its [`Ledger`] with [`World::watch`].

mod agenda;
mod attacker;
mod choices;
mod client;
mod corruption;
mod decisions;
mod delay;
mod describe;
mod exhaustive;
mod forgery;
mod host;
mod keeper;
mod ledger;
mod link;
mod malicious;
mod node;
mod oracles;
mod random;
mod server;
mod server_node;
mod shrink;
mod state;
mod trace;
mod world;

pub use attacker::{Attack, Source, Weapon};
pub use choices::Choices;
pub use corruption::Corruption;
pub use decisions::Decisions;
pub use delay::Delay;
pub use exhaustive::Exhaustive;
pub use forgery::Forgery;
pub use host::Host;
pub use ledger::{Ended, Ledger, Tally};
pub use link::{Bursts, Fate, Link, MAXIMUM_COPIES};
pub use malicious::{Malice, MethodIds};
pub use oracles::{Goal, Marks};
pub use random::Random;
pub use shrink::shrink;
#[cfg(feature = "fuzzing")]
pub(crate) use state::VirtualClock;
pub use trace::{Record, Trace, What};
pub use world::{Settings, World, now, sleep};
