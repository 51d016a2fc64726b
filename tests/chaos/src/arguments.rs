//! What can be asked for on the command line.

use core::time::Duration;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Kills and stops a server and its clients on a bad network, and compares what they have written down.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
    #[command(flatten)]
    pub(crate) plan: Plan,
}

/// What a process is that the first one starts.
#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    #[command(hide = true)]
    Serve(ServeArguments),
    #[command(hide = true)]
    Call(CallArguments),
}

/// A whole run.
#[derive(Clone, Debug, Args)]
pub(crate) struct Plan {
    /// How long the disasters last.
    #[arg(long, default_value_t = 10.0, value_parser = positive)]
    pub(crate) minutes: f64,
    /// The seed of all chance. Without it a new one is chosen and printed.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// How many clients there are. The first two share one address, and the last one reaches the server
    /// without the relay.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(3..=64))]
    pub(crate) clients: u16,
    /// Calls that all clients together make each second, at most.
    #[arg(long, default_value_t = 5000.0, value_parser = positive)]
    pub(crate) rate: f64,
    /// Seconds between two kills of the server, and between two kills of a client, on average.
    #[arg(long, default_value_t = 4.0, value_parser = positive)]
    pub(crate) kill_every: f64,
    /// Seconds between two stops of a process, on average.
    #[arg(long, default_value_t = 3.0, value_parser = positive)]
    pub(crate) stop_every: f64,
    /// The disasters go on until the server, and clients, have been killed so often.
    #[arg(long, default_value_t = 1)]
    pub(crate) least_kills: u64,
    /// Fewer calls with a result than this are a failure.
    #[arg(long, default_value_t = 1)]
    pub(crate) least_calls: u64,
    /// Faults to leave out, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) without: Vec<Fault>,
    /// A directory to write the ledgers to, and to leave there. It must be empty or not exist.
    #[arg(long)]
    pub(crate) keep: Option<PathBuf>,
}

impl Plan {
    /// How long the disasters last.
    pub(crate) fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.minutes * 60.0)
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    Loss,
    Duplication,
    Corruption,
    Truncation,
    Delay,
    Replay,
    Blackout,
    Rebinding,
    Kills,
    Stops,
}

/// A server process.
#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    #[arg(long)]
    pub(crate) address: SocketAddr,
    #[arg(long)]
    pub(crate) ledger: PathBuf,
    /// Which server process this is.
    #[arg(long)]
    pub(crate) number: u32,
    #[arg(long)]
    pub(crate) clients: usize,
}

/// A client process.
#[derive(Debug, Args)]
pub(crate) struct CallArguments {
    #[arg(long)]
    pub(crate) server: SocketAddr,
    #[arg(long)]
    pub(crate) ledger: PathBuf,
    /// Which client this is.
    #[arg(long)]
    pub(crate) client: u16,
    /// Which process of this client.
    #[arg(long)]
    pub(crate) number: u16,
    #[arg(long)]
    pub(crate) seed: u64,
    #[arg(long)]
    pub(crate) rate: f64,
}

fn positive(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|error| format!("{error}"))?;
    (value > 0.0 && value <= 1e6)
        .then_some(value)
        .ok_or("not above 0 and up to a million".to_owned())
}
