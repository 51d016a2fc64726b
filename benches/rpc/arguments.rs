//! The command line.

use core::net::SocketAddr;
use core::time::Duration;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use super::flood::Flood;

/// Measures remote calls against the bare exchange of datagrams they are made of.
#[derive(Clone, Debug, Parser)]
pub(crate) struct Arguments {
    /// What to measure; everything unless named
    #[arg(value_enum)]
    parts: Vec<Part>,

    /// Measures for a shorter time: good enough to see whether it works
    #[arg(long)]
    quick: bool,

    /// How often each measurement is repeated
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: Option<u32>,

    /// How many datagrams a second a flood has; 0 for as many as can be sent
    #[arg(long, default_value_t = 50_000)]
    pub(crate) flood_rate: u32,

    /// Where to write the results as JSON
    #[arg(long, default_value_os_t = target("rpc.json"))]
    pub(crate) json: PathBuf,

    /// Where to write the picture of null calls, as SVG
    #[arg(long, default_value_os_t = target("rpc.svg"))]
    pub(crate) picture: PathBuf,

    /// Where to write the picture of messages of many sizes, as SVG
    #[arg(long, default_value_os_t = target("payload.svg"))]
    pub(crate) payload_picture: PathBuf,

    /// What Cargo passes to a benchmark
    #[arg(long, hide = true)]
    pub(crate) bench: bool,

    /// Makes this process the other side of a measurement
    #[arg(long, hide = true)]
    pub(crate) serve: Option<String>,

    /// The processor of that other side
    #[arg(long, hide = true)]
    pub(crate) core: Option<usize>,

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Latency and throughput beside those of a bare echo
    Calls,
    /// Latency over a path that loses datagrams
    Loss,
    /// Memory of a server with many sessions
    Memory,
    /// Messages from 1 KiB to 16 MiB beside those over TCP
    Payload,
    /// Latency while a large message is under way on the same session
    Mixed,
    /// Latency while somebody floods the server
    Flood,
}

impl Arguments {
    /// Whether a part was asked for.
    pub(crate) fn wants(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }

    /// How often each measurement is repeated.
    pub(crate) fn repetitions(&self) -> u32 {
        self.repetitions.unwrap_or(if self.quick { 3 } else { 7 })
    }

    /// How long one measurement of one repetition lasts.
    pub(crate) fn time(&self) -> Duration {
        Duration::from_millis(if self.quick { 200 } else { 1000 })
    }

    /// How long each measurement is warmed up.
    pub(crate) fn warm_up(&self) -> Duration {
        self.time() / 4
    }
}

/// A file among the other things that Cargo makes.
fn target(name: &str) -> PathBuf {
    let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let target = scratch.parent().map(PathBuf::from).unwrap_or(scratch);
    target.join("bench").join(name)
}
