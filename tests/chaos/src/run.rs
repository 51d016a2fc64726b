//! A whole run: disasters, then peace, then the ledgers.

mod actor;
mod disasters;
mod stage;
mod tally;

use core::time::Duration;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use self::stage::Stage;
pub(crate) use self::tally::Tally;
use crate::arguments::Plan;
use crate::{Outcome, compare, report};

/// How long everybody goes on when nothing goes wrong any more.
const PEACE: Duration = Duration::from_secs(2);
/// Datagrams of long ago that arrive when all clients have ended.
const OLD_DATAGRAMS: usize = 5000;
/// How long they have to do harm.
const AFTERMATH: Duration = Duration::from_secs(1);

/// Does what the plan says. `false` if a promise was broken.
pub(crate) fn run(plan: &Plan) -> Outcome {
    let seed = plan.seed.unwrap_or_else(|| fastrand::u64(..1 << 32));
    println!("seed {seed}; the same plan again: --seed {seed} --minutes {}", plan.minutes);
    let directory = Directory::new(plan.keep.as_deref())?;
    let mut stage = Stage::set(plan, seed, directory.path())?;
    let result = play(&mut stage, plan, seed);
    if let Err(error) = &result {
        println!("{}", stage.dump());
        println!("error: {error}");
    }
    // Nobody is left who could still write.
    let (tally, ledgers, network) = stage.clear();
    let findings = compare::compare(&ledgers)?;
    report::print(&tally, &network, &findings);
    let replies = tally.replies;
    if !findings.violations.is_empty() {
        report::print_violations(&findings, &ledgers);
        println!("the ledgers are kept in {}", directory.keep().display());
        return Ok(false);
    }
    if result.is_err() {
        println!("the ledgers are kept in {}", directory.keep().display());
        return Ok(false);
    }
    if replies < plan.least_calls {
        println!("error: only {replies} calls returned a result");
        return Ok(false);
    }
    println!("seed {seed}: every promise was kept");
    Ok(true)
}

/// An error means that somebody did not get on, or ended when nobody had asked for it.
fn play(stage: &mut Stage, plan: &Plan, seed: u64) -> Result<(), String> {
    disasters::strike(stage, plan, seed)?;
    stage.heal()?;
    stage.until_recovered()?;
    stage.go_on_for(PEACE)?;
    stage.end_clients()?;
    stage.replay(OLD_DATAGRAMS);
    // That nothing happens cannot be waited for.
    std::thread::sleep(AFTERMATH);
    stage.end_server()
}

/// Where the ledgers are.
enum Directory {
    Temporary(TempDir),
    Kept(PathBuf),
}

impl Directory {
    fn new(keep: Option<&Path>) -> Result<Self, String> {
        let Some(path) = keep else {
            let directory = tempfile::Builder::new().prefix("farcall-chaos-").tempdir();
            return directory.map(Self::Temporary).map_err(|error| error.to_string());
        };
        let name = path.display();
        let entries = match std::fs::read_dir(path) {
            Ok(entries) => entries.count(),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                std::fs::create_dir_all(path).map_err(|error| format!("{name}: {error}"))?;
                0
            }
            Err(error) => return Err(format!("{name}: {error}")),
        };
        if entries > 0 {
            return Err(format!("{name} is not empty"));
        }
        Ok(Self::Kept(path.to_owned()))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(directory) => directory.path(),
            Self::Kept(path) => path,
        }
    }

    /// Leaves it there.
    fn keep(self) -> PathBuf {
        match self {
            Self::Temporary(directory) => directory.keep(),
            Self::Kept(path) => path,
        }
    }
}
