//! The tables at the end.

use comfy_table::{CellAlignment, Table, presets};

use crate::client::REASONS;
use crate::compare::{Findings, Ledgers, history};
use crate::record::Event;
use crate::run::Tally;

/// How many broken promises are shown in full.
const MOST_SHOWN: usize = 10;

/// Prints what happened and what came of it.
pub(crate) fn print(tally: &Tally, network: &[(&'static str, u64)], findings: &Findings) {
    let mut calls = table(["told", "calls", "ran"]);
    for (&told, count) in &findings.ends {
        let ran = findings.ran.get(&told).copied().unwrap_or_default();
        calls.add_row([end(told).to_owned(), count.to_string(), ran.to_string()]);
    }
    calls.add_row(["all".to_owned(), findings.begun.to_string(), findings.runs.to_string()]);
    println!("{calls}\n");

    let mut reasons = table(["failure", "reason", "calls"]);
    for ((event, reason), count) in &findings.reasons {
        let reason = REASONS.get(usize::from(*reason)).copied().unwrap_or("?");
        reasons.add_row([format!("{event:?}"), reason.to_owned(), count.to_string()]);
    }
    println!("{reasons}\n");

    let mut disasters = table(["disaster", "number"]);
    for (what, count) in tally.disasters().iter().chain(network) {
        disasters.add_row([(*what).to_owned(), count.to_string()]);
    }
    println!("{disasters}\n");
    for line in tally.remarks() {
        println!("{line}");
    }
    println!("unknown ends that the server was asked about again: {:?}", findings.settled);
    println!(
        "{} calls entered by a server that was killed before it could write so; {} promises broken",
        findings.excused,
        findings.violations.len(),
    );
}

/// Prints the broken promises, with everything that is known about some of them.
pub(crate) fn print_violations(findings: &Findings, ledgers: &Ledgers) {
    let shown = &findings.violations[..findings.violations.len().min(MOST_SHOWN)];
    for violation in shown {
        println!("{}: {}", history::name(violation.id), violation.what);
    }
    let ids: Vec<_> = shown.iter().map(|violation| violation.id).collect();
    println!("{}", history::history(&ids, ledgers));
}

fn end(told: Option<Event>) -> &'static str {
    match told {
        None => "nothing: the client was killed",
        Some(Event::Replied) => "a reply",
        Some(Event::WrongReply) => "a wrong reply",
        Some(Event::NotExecuted) => "NotExecuted",
        Some(Event::Executed) => "Executed",
        Some(Event::Unknown) => "Unknown",
        Some(Event::Untold) => "nothing: one-way, dropped or detached",
        Some(Event::Begun | Event::Ran) => "nonsense",
    }
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
