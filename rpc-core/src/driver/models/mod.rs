//! Every order in which the threads of a loop can meet, within bounds, tried on the code that is shipped.
//!
//! A model is a function that starts threads which call, answer, close and so on. A checker runs it again
//! and again, and each time lets the threads take turns in another way at every lock that they take.
//! `loom` tries all ways that need no more than two or three preemptions, of models with few threads and
//! operations; `shuttle` tries random ones, of larger models. The endpoints are the real ones. The locks
//! are the checker's (`sync`), the network is the in-process one, and the poll, the clock and the alarm are
//! those of `system`, where no time passes (so that no loop may poll its socket instead of sleeping): a wake-up that is lost is a thread that sleeps for ever, and
//! the checker reports that nobody can go on.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p farcall-core --profile sim --target-dir target/loom --lib models
//! RUSTFLAGS="--cfg shuttle" cargo test -p farcall-core --profile sim --target-dir target/shuttle --lib models
//! ```
//!
//! A failure under `shuttle` prints the schedule; with it in `SHUTTLE_REPLAY`, and the model's name as the
//! filter, it is run again. `SHUTTLE_SCHEDULES` says how many are tried with each of two schedulers. `LOOM_LOG=trace` shows what `loom` does, and
//! `LOOM_MAX_PREEMPTIONS` bounds it more narrowly than the models do.

mod by_hand;
mod client;
#[cfg(shuttle)]
mod crowd;
mod explore;
mod later;
mod server;
