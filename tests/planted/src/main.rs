//! Plants one bug after the other and demands that the tests notice.

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use indicatif::{ProgressBar, ProgressStyle};

use farcall_planted::{Bug, Ending, Plantation, all, root};

/// Plants bugs in a copy of the tree, one at a time, and runs the tests that must fail with each.
///
/// The copy and what is built in it lie under `target/planted`. Each test is run without a bug first, and
/// must pass. A bug that survives is a hole in the tests, and the command fails. `git`, `sh` and
/// `timeout` are needed.
#[derive(Parser)]
struct Arguments {
    /// Plant only the bugs whose names contain one of these.
    names: Vec<String>,
    /// List the bugs and plant none.
    #[arg(long)]
    list: bool,
    /// Do not run the tests on the tree as it is first.
    #[arg(long)]
    no_check: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let is_wanted = |bug: &Bug| {
        arguments.names.is_empty() || arguments.names.iter().any(|name| bug.name.contains(name))
    };
    let mut bugs: Vec<Bug> = all().into_iter().filter(is_wanted).collect();
    if arguments.list {
        bugs.iter().for_each(|bug| println!("{}: {}", bug.name, bug.what));
        return ExitCode::SUCCESS;
    }
    // What the same tests kill is built with the same command, one after the other.
    bugs.sort_by(|one, other| (&one.killer, &one.name).cmp(&(&other.killer, &other.name)));
    let endings = match plant(&bugs, !arguments.no_check) {
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

fn plant(bugs: &[Bug], is_checking: bool) -> std::io::Result<Vec<Ending>> {
    let plantation = Plantation::new(&root())?;
    // Which commands fail without any bug.
    let mut failing: HashMap<&str, bool> = HashMap::new();
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg}")
        .expect("the template is well formed");
    let bar = ProgressBar::new(bugs.len() as u64).with_style(style);
    // The time goes on while a bug is being built.
    bar.enable_steady_tick(Duration::from_secs(1));
    let mut endings = Vec::new();
    for bug in bugs {
        if is_checking && !failing.contains_key(&*bug.killer) {
            bar.set_message(format!("without a bug: {}", bug.killer));
            failing.insert(&bug.killer, !plantation.passes(&bug.killer)?);
        }
        bar.set_message(bug.name.clone());
        let ending = match failing.get(&*bug.killer) {
            Some(true) => Ending::Broken("its killer fails without it".to_owned()),
            _ => plantation.plant(bug)?,
        };
        bar.suspend(|| println!("{}: {}", bug.name, describe(&ending)));
        endings.push(ending);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(endings)
}

fn describe(ending: &Ending) -> String {
    match ending {
        Ending::Killed { seeds, is_endless, time } => {
            let how = match (seeds, is_endless) {
                (Some(1), _) => ", 1 seed".to_owned(),
                (Some(seeds), _) => format!(", {seeds} seeds"),
                (None, true) => ", the test did not end".to_owned(),
                (None, false) => String::new(),
            };
            format!("killed{how}, {:.0} s", time.as_secs_f64())
        }
        Ending::Survived => "SURVIVED".to_owned(),
        Ending::Broken(why) => format!("not planted: {why}"),
    }
}

fn table(bugs: &[Bug], endings: &[Ending]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN);
    table.set_header(["bug", "what", "source", "killer", "ending"]);
    for (bug, ending) in bugs.iter().zip(endings) {
        let Bug { name, what, source, killer, .. } = bug;
        table.add_row([name, what, source, killer, &describe(ending)]);
    }
    table
}
