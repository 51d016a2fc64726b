//! The part of the command line that all programs share.

use core::time::Duration;
use std::path::PathBuf;

use clap::Args;

/// How to measure, and where to write what.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// Measures for a shorter time: good enough to see whether it works
    #[arg(long)]
    pub quick: bool,

    /// How often each measurement is repeated: 5 times, or twice with `--quick`
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: Option<u32>,

    /// Measures only these systems, whose names stand in the tables: `--systems farcall,tcp`
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub systems: Vec<String>,

    /// The folder into which the results are written, as JSON, as tables and as pictures
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,

    /// What Cargo passes to a benchmark
    #[arg(long, hide = true)]
    pub bench: bool,

    /// Makes this process the other side of a measurement
    #[arg(long, hide = true)]
    pub serve: Option<String>,

    /// The processor of that other side
    #[arg(long, hide = true)]
    pub core: Option<usize>,

    /// Makes this process one that has the system lose packets: which part of them
    #[arg(long, hide = true)]
    pub lose: Option<f64>,

    /// The port whose packets are lost
    #[arg(long, hide = true)]
    pub port: Option<u16>,
}

impl Settings {
    /// How often each measurement is repeated.
    pub fn repetitions(&self) -> u32 {
        self.repetitions.unwrap_or(if self.quick { 2 } else { 5 })
    }

    /// How long one measurement of one repetition lasts, where nothing else is said.
    pub fn time(&self) -> Duration {
        Duration::from_millis(if self.quick { 150 } else { 1000 })
    }

    /// How long each measurement is warmed up.
    pub fn warm_up(&self) -> Duration {
        self.time() / 4
    }
}
