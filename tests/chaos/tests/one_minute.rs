//! The short form of the run, for the gate: real processes, killed and stopped, on a bad network.
#![cfg(unix)]

use std::process::Command;

/// What is asked for is only what holds on a busy machine, too: the promises, some progress, and five
/// kills on each side, for which the run takes as long as it needs.
#[test]
fn a_short_disaster_breaks_no_promise() {
    let plan = "--minutes 0.6 --seed 5 --clients 4 --rate 1500 --kill-every 3.5 --stop-every 3 \
                --least-kills 5 --least-calls 500";
    let output = Command::new(env!("CARGO_BIN_EXE_chaos"))
        .args(plan.split_whitespace())
        .output()
        .expect("the program starts");
    let [said, complained] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    println!("{said}");
    assert!(output.status.success(), "{}: {complained}\n{said}", output.status);
    // It did what it was asked for.
    assert!(said.contains("every promise was kept"), "{said}");
}
