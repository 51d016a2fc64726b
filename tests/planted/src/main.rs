//! Plants one bug after the other and demands that the tests notice.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use comfy_table::Table;
use indicatif::{ProgressBar, ProgressStyle};

use farcall_planted::{Bug, Ending, Plantation, all, root};

/// Plants bugs in a copy of the tree, one at a time, and runs the tests that must fail with each.
///
/// The copy and what is built in it lie under `target/planted`. A bug that survives is a hole in the
/// tests, and the command fails. `git` and `sh` are needed.
#[derive(Parser)]
struct Arguments {
    /// Plant only the bugs whose names contain one of these.
    names: Vec<String>,
    /// List the bugs and plant none.
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let is_wanted = |bug: &Bug| {
        arguments.names.is_empty() || arguments.names.iter().any(|name| bug.name.contains(name))
    };
    let bugs: Vec<Bug> = all().into_iter().filter(is_wanted).collect();
    if arguments.list {
        bugs.iter().for_each(|bug| println!("{}: {}", bug.name, bug.what));
        return ExitCode::SUCCESS;
    }
    let endings = match plant(&bugs) {
        Ok(endings) => endings,
        Err(error) => {
            eprintln!("the copy of the tree cannot be made or used: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("{}", table(&bugs, &endings));
    let killed = endings.iter().filter(|ending| matches!(ending, Ending::Killed { .. })).count();
    println!("{killed} of {} bugs killed", bugs.len());
    if killed == bugs.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn plant(bugs: &[Bug]) -> std::io::Result<Vec<Ending>> {
    let plantation = Plantation::new(&root())?;
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg}")
        .expect("the template is well formed");
    let bar = ProgressBar::new(bugs.len() as u64).with_style(style);
    // The time goes on while a bug is being built.
    bar.enable_steady_tick(Duration::from_secs(1));
    let mut endings = Vec::new();
    for bug in bugs {
        bar.set_message(bug.name.clone());
        let ending = plantation.plant(bug)?;
        bar.println(format!("{}: {}", bug.name, describe(&ending)));
        endings.push(ending);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(endings)
}

fn describe(ending: &Ending) -> String {
    match ending {
        Ending::Killed { seeds: Some(seeds), time } => {
            format!("killed after {seeds} seeds, {:.0} s", time.as_secs_f64())
        }
        Ending::Killed { seeds: None, time } => format!("killed, {:.0} s", time.as_secs_f64()),
        Ending::Survived => "SURVIVED".to_owned(),
        Ending::Broken(why) => format!("not planted: {why}"),
    }
}

fn table(bugs: &[Bug], endings: &[Ending]) -> Table {
    let mut table = Table::new();
    table.set_header(["bug", "what", "source", "killer", "ending"]);
    for (bug, ending) in bugs.iter().zip(endings) {
        let Bug { name, what, source, killer, .. } = bug;
        table.add_row([name, what, source, killer, &describe(ending)]);
    }
    table
}
