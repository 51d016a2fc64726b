//! Runs that broke a promise once.

use farcall::sim::{Choices, Decisions};

use super::run::{Voice, run};

#[test]
fn what_failed_once_does_not_fail_again() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios/swarm/saved");
    let mut count = 0;
    for entry in std::fs::read_dir(directory).expect("it is part of the sources") {
        let path = entry.expect("it can be read").path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("it is text");
        let decisions: Decisions = text.parse().unwrap_or_else(|error| {
            panic!("{}: {error}", path.display());
        });
        println!("{}", path.display());
        run(Choices::recorded(decisions), Voice::Loud);
        count += 1;
    }
    println!("{count} saved runs");
}
