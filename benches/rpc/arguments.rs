//! The command line.

use core::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Parser, ValueEnum};
use farcall_workloads::Part;
use farcall_workloads::settings::Settings;

use super::flood::Flood;

/// Measures remote calls against what sockets cost without them. A server and a client are two processes on
/// two processors over loopback; every result is checked; farcall, in three ways of waiting, and the floors
/// take turns within each repetition, and ratios are taken within a repetition. Everything takes about 15
/// minutes.
#[derive(Clone, Debug, Parser)]
#[command(bin_name = "cargo bench --bench rpc --")]
pub(crate) struct Arguments {
    /// What to measure; everything unless named
    #[arg(value_enum)]
    parts: Vec<Measurement>,

    #[command(flatten)]
    pub(crate) settings: Settings,

    /// How many datagrams a second a flood has; 0 for as many as can be sent
    #[arg(long, value_name = "COUNT", default_value_t = 50_000)]
    pub(crate) flood_rate: u32,

    /// Where a proxy forwards to
    #[arg(long, hide = true)]
    pub(crate) target: Option<SocketAddr>,

    /// What a flooder sends
    #[arg(long, hide = true)]
    pub(crate) flood: Option<Flood>,

    /// Which part of the datagrams in each direction a proxy loses
    #[arg(long, hide = true, default_value_t = 0.0)]
    pub(crate) loss: f64,
}

/// Something that can be measured alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measurement {
    /// A workload, on all systems.
    Part(Part),
    /// What sessions cost a server.
    Memory,
    /// Calls through a proxy that loses datagrams.
    Proxy,
    /// Calls while somebody floods the server.
    Flood,
}

impl Measurement {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; 9] = [
        Self::Part(Part::Latency),
        Self::Part(Part::Throughput),
        Self::Part(Part::Payload),
        Self::Part(Part::Crowd),
        Self::Memory,
        Self::Part(Part::Loss),
        Self::Proxy,
        Self::Part(Part::Mixed),
        Self::Flood,
    ];
}

impl ValueEnum for Measurement {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Self::Part(part) => return part.to_possible_value(),
            Self::Memory => ("memory", "What idle and busy sessions cost a server"),
            Self::Proxy => (
                "proxy",
                "farcall's null call through a proxy that loses 10 % each way (needs no root)",
            ),
            Self::Flood => ("flood", "farcall's null call while another process floods the server"),
        };
        Some(PossibleValue::new(name).help(help))
    }
}

impl Arguments {
    /// Whether something was asked for.
    pub(crate) fn wants(&self, measurement: Measurement) -> bool {
        self.parts.is_empty() || self.parts.contains(&measurement)
    }
}

/// A folder among the other things that Cargo makes.
pub(crate) fn folder() -> PathBuf {
    let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let target = scratch.parent().map(PathBuf::from).unwrap_or(scratch);
    target.join("bench").join("rpc")
}
