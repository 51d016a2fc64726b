//! The workloads.

mod crowd;
mod latency;
mod loss;
mod mixed;
mod payload;
mod throughput;

use clap::ValueEnum;

use super::Result;
use super::results::Measured;
use super::runner::Bench;

/// A workload that can be asked for alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// W1: one null call after the other
    #[value(alias = "w1")]
    Latency,
    /// W2: null calls, 1, 16, 64 and 256 in flight from one thread, and from 8 threads
    #[value(alias = "w2")]
    Throughput,
    /// W3: echoes of 1 KiB to 16 MiB, and uploads of 16 MiB
    #[value(alias = "w3")]
    Payload,
    /// W4: 1,000 and 10,000 clients, one call in flight each
    #[value(alias = "w4")]
    Crowd,
    /// W5: W1 and W2 while 0.1, 1 and 5 % of all packets are lost (needs root and iptables)
    #[value(alias = "w5")]
    Loss,
    /// W6: null calls while 16 MiB transfers run, and while every worker is busy
    #[value(alias = "w6")]
    Mixed,
}

impl Part {
    /// All of them, in their order.
    pub const ALL: [Self; 6] =
        [Self::Latency, Self::Throughput, Self::Payload, Self::Crowd, Self::Loss, Self::Mixed];

    /// What it is called in the results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Throughput => "throughput",
            Self::Payload => "payload",
            Self::Crowd => "crowd",
            Self::Loss => "loss",
            Self::Mixed => "mixed",
        }
    }

    /// Measures it.
    ///
    /// # Errors
    /// Why the whole part is impossible here; what fails for one system is in the results.
    pub fn run(self, bench: &Bench) -> Result<Measured> {
        match self {
            Self::Latency => Ok(latency::run(bench)),
            Self::Throughput => Ok(throughput::run(bench)),
            Self::Payload => Ok(payload::run(bench)),
            Self::Crowd => Ok(crowd::run(bench)),
            Self::Loss => loss::run(bench),
            Self::Mixed => Ok(mixed::run(bench)),
        }
    }
}
