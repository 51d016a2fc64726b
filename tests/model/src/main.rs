//! Checks every scope and every mutation, and prints what was found.

use comfy_table::{Table, presets};
use farcall_model::{GATE, LONG, Mutation, Report, Scope, check, of_mutation};

fn main() -> std::process::ExitCode {
    let mut table =
        table(&["scope", "states", "steps", "depth", "time", "held", "reached", "result"]);
    let mut is_good = true;
    for scope in GATE.iter().chain(LONG) {
        eprintln!("{} ...", scope.name);
        let report = check(*scope, 2);
        is_good &= report.violations.is_empty() && report.missed.is_empty();
        table.add_row(row(scope, &report));
    }
    println!("{table}\n");
    is_good &= mutations();
    if is_good { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(header.iter().copied());
    table
}

fn row(scope: &Scope, report: &Report) -> Vec<String> {
    let result = match (report.violations.first(), &report.missed[..]) {
        (Some(found), _) => format!("{}: {}", found.property, found.run.join(", ")),
        (None, []) => "all hold, all reached".to_owned(),
        (None, missed) => format!("never reached: {}", missed.join(", ")),
    };
    vec![
        scope.name.to_owned(),
        report.states.to_string(),
        report.steps.to_string(),
        report.depth.to_string(),
        format!("{:.1} s", report.time.as_secs_f64()),
        report.held.to_string(),
        report.reached.to_string(),
        result,
    ]
}

/// True if all of them were noticed.
fn mutations() -> bool {
    let mut table = table(&["mutation", "noticed by", "steps", "states"]);
    let mut is_good = true;
    for &mutation in Mutation::ALL {
        let report = check(of_mutation(mutation), 1);
        let found = report.violations.first();
        is_good &= found.is_some();
        table.add_row([
            format!("{mutation:?}"),
            found.map_or("NOTHING", |found| found.property).to_owned(),
            found.map_or(0, |found| found.run.len()).to_string(),
            report.states.to_string(),
        ]);
    }
    println!("{table}");
    is_good
}
