//! A copy of the tree in which bugs are planted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::bug::Bug;

/// What became of a planted bug.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// The tests failed. `seeds`: how many runs of the simulator that took, if it was one.
    Killed {
        /// How many seeds it took.
        seeds: Option<u64>,
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
    tree: PathBuf,
}

impl Plantation {
    /// Copies the tree at `root` to `target/planted`.
    ///
    /// # Errors
    /// If a file cannot be copied.
    pub fn new(root: &Path) -> io::Result<Self> {
        let tree = root.join("target/planted/tree");
        let plantation = Self { root: root.to_owned(), tree };
        for entry in fs::read_dir(root)? {
            let entry = entry?;
            let name = entry.file_name();
            if name != "target" && !name.to_string_lossy().starts_with(".git") {
                copy(&entry.path(), &plantation.tree.join(name))?;
            }
        }
        Ok(plantation)
    }

    /// Plants a bug, runs its killer, and takes the bug out again.
    ///
    /// # Errors
    /// If a command cannot be started or a file not be copied.
    pub fn plant(&self, bug: &Bug) -> io::Result<Ending> {
        let begin = Instant::now();
        let files = self.files(bug)?;
        let applied = self.git_apply(bug)?;
        let ending = if applied.status.success() {
            self.run(bug, begin)?
        } else {
            Ending::Broken(String::from_utf8_lossy(&applied.stderr).into_owned())
        };
        for file in files {
            copy(&self.root.join(&file), &self.tree.join(&file))?;
        }
        Ok(ending)
    }

    fn run(&self, bug: &Bug, begin: Instant) -> io::Result<Ending> {
        // A bug that does not compile would look like one that is killed.
        let built =
            self.shell(&format!("{} --no-run", bug.killer.replace(" -- ", " --no-run -- ")))?;
        if !built.status.success() {
            return Ok(Ending::Broken(last_lines(&built.stderr)));
        }
        let output = self.shell(&bug.killer)?;
        Ok(if output.status.success() {
            Ending::Survived
        } else {
            Ending::Killed { seeds: seeds(&output.stdout), time: begin.elapsed() }
        })
    }

    /// The files that a patch changes, as they are called in the tree.
    fn files(&self, bug: &Bug) -> io::Result<Vec<PathBuf>> {
        let text = fs::read_to_string(&bug.path)?;
        Ok(text.lines().filter_map(|line| line.strip_prefix("+++ b/")).map(PathBuf::from).collect())
    }

    fn git_apply(&self, bug: &Bug) -> io::Result<Output> {
        Command::new("git").arg("apply").arg(&bug.path).current_dir(&self.tree).output()
    }

    fn shell(&self, command: &str) -> io::Result<Output> {
        Command::new("sh")
            .args(["-c", command])
            .current_dir(&self.tree)
            .env("CARGO_TARGET_DIR", self.root.join("target/planted/target"))
            .output()
    }
}

/// Copies a file or a directory. What is there already and has the same content stays as it is, so that
/// it is not built again.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            if entry.file_name() != "target" {
                copy(&entry.path(), &to.join(entry.file_name()))?;
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
}
