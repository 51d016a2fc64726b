//! What the protocol promises, shown at work on a simulated network: one module per topic, one test
//! per situation, the expectation stated before each step.
#![cfg(feature = "sim")]

mod at_most_once;
mod cancel_and_deadline;
mod corruption;
mod documentation;
mod evolution;
mod exhaustive;
mod figures;
mod hostile;
mod large;
mod later;
mod limits;
mod long_calls;
mod loss;
mod nested;
mod oracles;
mod overload;
mod reordering;
mod restart;
mod sessions;
mod shutdown;
mod statistics;
mod support;
mod swarm;
