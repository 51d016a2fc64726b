//! A patch that does not fit the tree any more plants nothing.

use std::process::Command;

use farcall_planted::{all, root};

#[test]
fn every_bug_can_be_planted() {
    let (bugs, root) = (all(), root());
    assert!(bugs.len() >= 24, "there are {} bugs", bugs.len());
    for bug in bugs {
        let mut check = Command::new("git");
        check.args(["apply", "--check"]).arg(&bug.path).current_dir(&root);
        // Were the tree part of another repository, git would leave out all of it and be content.
        check.env("GIT_CEILING_DIRECTORIES", root.parent().unwrap_or(&root));
        let output = check.output().expect("git is installed");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} does not apply any more: {error}", bug.name);
    }
}
