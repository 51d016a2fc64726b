//! A copy of the tree in which bugs are planted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::bug::Bug;

/// What became of a planted bug.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// The tests failed. `seeds`: how many runs of the simulator that took, if it was one.
    Killed {
        /// How many seeds it took.
        seeds: Option<u64>,
        /// Whether they did not come to their end.
        is_endless: bool,
        /// How long building and testing took.
        time: Duration,
    },
    /// The tests passed: they have a hole.
    Survived,
    /// The patch does not apply, or the tree does not compile with it.
    Broken(String),
}

/// A copy of the tree, and what was built in it so far.
pub struct Plantation {
    root: PathBuf,
    home: PathBuf,
}

/// What is planted is built again and again, and then mostly fails at once: quick to build is better than
/// quick to run.
const SETTINGS: &str = "\
[profile.sim]
incremental = true

[profile.sim.package.farcall]
opt-level = 1

[profile.sim.package.farcall-core]
opt-level = 1
";

/// How long a killer may take. One that does not come to its end has noticed the bug as well.
const LONGEST: Duration = Duration::from_secs(900);

/// How `timeout` says that the time was over.
const TIMED_OUT: i32 = 124;

impl Plantation {
    /// Copies the tree at `root` to `target/planted`.
    ///
    /// # Errors
    /// If a file cannot be copied.
    pub fn new(root: &Path) -> io::Result<Self> {
        let plantation = Self { root: root.to_owned(), home: root.join("target/planted") };
        for entry in fs::read_dir(root)? {
            let entry = entry?;
            let name = entry.file_name();
            if name != "target" && !name.to_string_lossy().starts_with(".git") {
                copy(&entry.path(), &plantation.tree().join(name))?;
            }
        }
        // Cargo looks for settings above the tree as well.
        fs::create_dir_all(plantation.home.join(".cargo"))?;
        fs::write(plantation.home.join(".cargo/config.toml"), SETTINGS)?;
        Ok(plantation)
    }

    fn tree(&self) -> PathBuf {
        self.home.join("tree")
    }

    /// Runs a killer on the tree as it is. One that fails there says nothing about any bug.
    ///
    /// # Errors
    /// If a command cannot be started.
    pub fn passes(&self, killer: &str) -> io::Result<bool> {
        Ok(self.shell(killer)?.status.success())
    }

    /// Plants a bug, runs its killer, and takes the bug out again.
    ///
    /// # Errors
    /// If a command cannot be started or a file not be copied.
    pub fn plant(&self, bug: &Bug) -> io::Result<Ending> {
        let begin = Instant::now();
        let files = self.files(bug)?;
        let applied = self.git_apply(bug)?;
        let ending = if !applied.status.success() {
            Ending::Broken(String::from_utf8_lossy(&applied.stderr).into_owned())
        } else if !self.has_changed(&files)? {
            Ending::Broken("it changes nothing".to_owned())
        } else {
            self.run(bug, begin)?
        };
        for file in files {
            copy(&self.root.join(&file), &self.tree().join(&file))?;
        }
        Ok(ending)
    }

    fn run(&self, bug: &Bug, begin: Instant) -> io::Result<Ending> {
        // A bug that does not compile would look like one that is killed.
        let built = self.shell(&build_of(&bug.killer))?;
        if !built.status.success() {
            return Ok(Ending::Broken(last_lines(&built.stderr)));
        }
        let output = self.shell(&bug.killer)?;
        if output.status.success() {
            return Ok(Ending::Survived);
        }
        Ok(Ending::Killed {
            seeds: seeds(&output.stdout),
            is_endless: output.status.code() == Some(TIMED_OUT),
            time: begin.elapsed(),
        })
    }

    /// The files that a patch changes, as they are called in the tree.
    fn files(&self, bug: &Bug) -> io::Result<Vec<PathBuf>> {
        let text = fs::read_to_string(&bug.path)?;
        Ok(text.lines().filter_map(|line| line.strip_prefix("+++ b/")).map(PathBuf::from).collect())
    }

    /// Whether one of these files is not as it is in the original.
    fn has_changed(&self, files: &[PathBuf]) -> io::Result<bool> {
        for file in files {
            if fs::read(self.root.join(file))? != fs::read(self.tree().join(file))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Inside of a repository `git apply` would leave out what lies outside of the copy: all of it.
    fn git_apply(&self, bug: &Bug) -> io::Result<Output> {
        Command::new("git")
            .arg("apply")
            .arg(&bug.path)
            .current_dir(self.tree())
            .env("GIT_CEILING_DIRECTORIES", &self.home)
            .output()
    }

    fn shell(&self, command: &str) -> io::Result<Output> {
        Command::new("timeout")
            .args([&LONGEST.as_secs().to_string(), "sh", "-c", command])
            .current_dir(self.tree())
            .env("CARGO_TARGET_DIR", self.home.join("target"))
            .env("SIM_SHRINK", "0")
            .stdin(Stdio::null())
            .output()
    }
}

/// The command that builds what a killer runs, and no more.
fn build_of(killer: &str) -> String {
    let (command, _) = killer.split_once(" -- ").unwrap_or((killer, ""));
    if command.contains("cargo run ") {
        command.replacen("cargo run ", "cargo build ", 1)
    } else {
        format!("{command} --no-run")
    }
}

/// Copies a file or a directory, and removes what the original has not. What is there already and has
/// the same content stays as it is, so that it is not built again.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            if entry.file_name() != "target" {
                copy(&entry.path(), &to.join(entry.file_name()))?;
            }
        }
        for entry in fs::read_dir(to)? {
            let entry = entry?;
            let is_stale = entry.file_name() != "target" && !from.join(entry.file_name()).exists();
            if is_stale && entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else if is_stale {
                fs::remove_file(entry.path())?;
            }
        }
        return Ok(());
    }
    let content = fs::read(from)?;
    if fs::read(to).is_ok_and(|there| there == content) {
        return Ok(());
    }
    fs::write(to, content)
}

/// How many seeds it took, from the line of the simulator which says so.
fn seeds(output: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(output);
    let (_, rest) = text.split_once(", the ")?;
    let (count, _) = rest.split_once("th, breaks a promise")?;
    count.parse().ok()
}

fn last_lines(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_seeds_is_read_from_the_output() {
        let line = b"test x ...\nseed 1017, the 18th, breaks a promise. To run it again:\n";
        assert_eq!(seeds(line), Some(18));
        assert_eq!(seeds(b"test result: FAILED"), None);
    }

    #[test]
    fn what_a_killer_runs_is_built_first() {
        let pairs = [
            ("cargo test --lib one::two", "cargo test --lib one::two --no-run"),
            ("SIM_SEEDS=0..9 cargo test a -- --exact", "SIM_SEEDS=0..9 cargo test a --no-run"),
            ("cargo run -p chaos -- --minutes 1", "cargo build -p chaos"),
            ("cd fuzz && cargo run --bin x -- y", "cd fuzz && cargo build --bin x"),
        ];
        for (killer, build) in pairs {
            assert_eq!(build_of(killer), build);
        }
    }
}
