//! Calls beside floods, as a table and as JSON.

use comfy_table::Table;
use farcall_workloads::goals::{Bound, Goal};
use farcall_workloads::measure::Spread;
use farcall_workloads::report::{Section, spread_json};
use farcall_workloads::table::{align, empty};
use serde_json::{Value, json};

use super::flood::Floods;

/// A call may take this many times as long beside a flood, in the middle.
const FLOOD_GOAL: f64 = 3.0;

/// Everything about them.
pub(crate) fn section(floods: &Floods) -> Section {
    Section {
        name: "flood",
        tables: vec![("Null call while the server is flooded".to_owned(), table(floods))],
        remarks: Vec::new(),
        goals: goals(floods).collect(),
        json: json(floods),
    }
}

fn table(floods: &Floods) -> Table {
    let mut table = empty([
        "null call beside a flood of",
        "sent per second",
        "p50, µs",
        "of that without",
        "p99, µs",
        "of that without",
        "server grew by, KiB",
    ]);
    let alone = |figure: fn(&farcall_workloads::measure::Latency) -> f64| {
        Spread::of(floods.alone.iter().map(figure)).to_string()
    };
    let none = || String::from("–");
    table.add_row([
        "nothing".into(),
        none(),
        alone(|it| it.p50),
        none(),
        alone(|it| it.p99),
        none(),
        none(),
    ]);
    for (flood, beside) in &floods.beside {
        let (middle, middle_ratio) = floods.compare(beside, |it| it.p50);
        let (tail, tail_ratio) = floods.compare(beside, |it| it.p99);
        let sent = Spread::of(beside.iter().map(|it| it.sent));
        let grown = Spread::of(beside.iter().map(|it| it.grown / 1024.0));
        table.add_row([
            flood.name().to_owned(),
            format!("{:.0}", sent.median),
            middle.to_string(),
            middle_ratio.to_string(),
            tail.to_string(),
            tail_ratio.to_string(),
            format!("{:.0}", grown.median),
        ]);
    }
    align(&mut table);
    table
}

fn goals(floods: &Floods) -> impl Iterator<Item = Goal> + '_ {
    floods.beside.iter().map(|(flood, beside)| {
        let (_, ratio) = floods.compare(beside, |it| it.p50);
        let name = format!("null call beside {}, p50, of that without", flood.name());
        Goal::new(name, ratio, Bound::AtMost(FLOOD_GOAL))
    })
}

fn json(floods: &Floods) -> Value {
    let beside = floods.beside.iter().map(|(flood, beside)| {
        let (middle, middle_ratio) = floods.compare(beside, |it| it.p50);
        let (tail, tail_ratio) = floods.compare(beside, |it| it.p99);
        json!({
            "flood": flood.name(),
            "sent_per_second": spread_json(Spread::of(beside.iter().map(|it| it.sent))),
            "p50_us": spread_json(middle),
            "p50_ratio": spread_json(middle_ratio),
            "p99_us": spread_json(tail),
            "p99_ratio": spread_json(tail_ratio),
            "server_grew_bytes": spread_json(Spread::of(beside.iter().map(|it| it.grown))),
        })
    });
    json!({
        "asked_per_second": floods.rate,
        "p50_us_alone": spread_json(Spread::of(floods.alone.iter().map(|it| it.p50))),
        "p99_us_alone": spread_json(Spread::of(floods.alone.iter().map(|it| it.p99))),
        "beside": beside.collect::<Vec<_>>(),
    })
}
