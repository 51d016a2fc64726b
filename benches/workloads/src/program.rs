//! A program that measures.

use std::path::PathBuf;

use clap::Parser;

use super::machine::Machine;
use super::report::Report;
use super::runner::Bench;
use super::settings::Settings;
use super::suite::Part;
use super::system::{self, System};
use super::{Result, packet_loss};

/// Measures remote calls: every workload on every system, in turns.
#[derive(Clone, Debug, Parser)]
struct Arguments {
    /// What to measure; everything unless named
    #[arg(value_enum)]
    parts: Vec<Part>,

    #[command(flatten)]
    settings: Settings,
}

/// All of a program that measures `systems`. It is the server of one of them when it is started as such. The
/// results go to `folder` unless the command line says otherwise.
///
/// # Errors
/// When something that was measured has failed, or the results cannot be written.
pub fn main(systems: &'static [&'static dyn System], folder: PathBuf) -> Result<()> {
    let Arguments { parts, settings } = Arguments::parse();
    if serve_if_asked(systems, &settings)? {
        return Ok(());
    }
    let (mut report, bench) = start(systems, settings)?;
    for part in Part::ALL {
        if parts.is_empty() || parts.contains(&part) {
            report.measure(part, &bench);
        }
    }
    report.publish(bench.settings.out.as_deref().unwrap_or(&folder))
}

/// Is the other side of a measurement, if the command line says so. False if it does not.
///
/// # Errors
/// What keeps it from being that.
pub fn serve_if_asked(
    systems: &'static [&'static dyn System],
    settings: &Settings,
) -> Result<bool> {
    match settings.serve.as_deref() {
        None => return Ok(false),
        Some(packet_loss::GUARD) => packet_loss::guard(settings)?,
        Some(name) => system::serve(systems, name, settings.core)?,
    }
    Ok(true)
}

/// Prepares to measure.
///
/// # Errors
/// When the command line names a system that is not there.
pub fn start(
    systems: &'static [&'static dyn System],
    settings: Settings,
) -> Result<(Report, Bench)> {
    let bench = Bench::new(systems, settings)?;
    let machine = Machine::look(&bench.settings, &bench.placement);
    Ok((Report::new(machine, &bench), bench))
}
