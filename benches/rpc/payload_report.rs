//! Large messages in the tables and in the JSON.

use comfy_table::{Table, presets};
use serde_json::{Value, json};

use super::mixed::{self, Mixed};
use super::payload::{Beside, Kind, Payload, SIZES};
use super::report::{Goal, align, spread_json};
use farcall_workloads::measure::{Latency, Spread};

/// An echo of 64 KiB may take this many times as long as over TCP, in the middle.
const ECHO_GOAL: f64 = 1.5;
/// Where that size stands in [`SIZES`].
const ECHO_INDEX: usize = 2;
/// An upload should have at least this part of the throughput of TCP.
const UPLOAD_GOAL: f64 = 0.6;
/// The 99th percentile of null calls may be this many times as high beside a large message.
const MIXED_GOAL: f64 = 5.0;

pub(crate) fn table(payload: &Payload) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["one in flight", "TCP", "farcall", "farcall / TCP"]);
    let mut row = |name: String, Beside { tcp, farcall, ratio }: Beside| {
        table.add_row([name, tcp.to_string(), farcall.to_string(), ratio.to_string()]);
    };
    for kind in Kind::all() {
        row(format!("{}, p50, µs", kind.name()), payload.latency(kind));
    }
    for kind in Kind::all() {
        row(format!("{}, MB/s each way", kind.name()), payload.throughput(kind));
    }
    align(&mut table);
    table
}

pub(crate) fn json(payload: &Payload) -> Value {
    let kinds: Vec<Value> = Kind::all()
        .map(|kind| {
            let samples = payload.samples(kind);
            json!({
                "message": kind.name(),
                "bytes": kind.size(),
                "latency_us_p50": beside_json(payload.latency(kind)),
                "mb_per_second_each_way": beside_json(payload.throughput(kind)),
                "samples": { "tcp": samples.0, "farcall": samples.1 },
            })
        })
        .collect();
    json!(kinds)
}

fn beside_json(Beside { tcp, farcall, ratio }: Beside) -> Value {
    json!({
        "tcp": spread_json(tcp),
        "farcall": spread_json(farcall),
        "ratio": spread_json(ratio),
    })
}

pub(crate) fn goals(payload: &Payload) -> [Goal; 2] {
    debug_assert_eq!(SIZES[ECHO_INDEX], 64 << 10);
    let echo = Kind::Echo(ECHO_INDEX);
    let latency = payload.latency(echo).ratio;
    let throughput = payload.throughput(Kind::Upload).ratio;
    [
        Goal {
            name: format!("{}, p50, of TCP's", echo.name()),
            measured: latency.to_string(),
            goal: format!("at most {ECHO_GOAL}"),
            is_reached: latency.median <= ECHO_GOAL,
        },
        Goal {
            name: format!("{}, throughput, of TCP's", Kind::Upload.name()),
            measured: throughput.to_string(),
            goal: format!("at least {UPLOAD_GOAL}"),
            is_reached: throughput.median >= UPLOAD_GOAL,
        },
    ]
}

pub(crate) fn mixed_table(mixed: &Mixed) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    let size = mixed::SIZE >> 20;
    table.set_header(["null call", "alone", &format!("beside echoes of {size} MiB"), "ratio"]);
    for (name, figure) in FIGURES {
        let (alone, beside, ratio) = mixed.compare(figure);
        let name = format!("latency {name}, µs");
        table.add_row([name, alone.to_string(), beside.to_string(), ratio.to_string()]);
    }
    let echoes = Spread::of(mixed.echo.iter().copied()).times(1e-3).to_string();
    table.add_row(["one echo meanwhile, p50, ms", "", &echoes, ""]);
    align(&mut table);
    table
}

type Figure = fn(&Latency) -> f64;

const FIGURES: [(&str, Figure); 3] =
    [("p50", |run| run.p50), ("p99", |run| run.p99), ("p99.9", |run| run.p999)];

pub(crate) fn mixed_json(mixed: &Mixed) -> Value {
    let latency = FIGURES.map(|(name, figure)| {
        let (alone, beside, ratio) = mixed.compare(figure);
        json!({
            "percentile": name,
            "alone": spread_json(alone),
            "beside": spread_json(beside),
            "ratio": spread_json(ratio),
        })
    });
    let count = |runs: &[Latency]| runs.iter().map(|run| run.exchanged.count).sum::<u64>();
    json!({
        "echo_bytes": mixed::SIZE,
        "latency_us": latency,
        "samples": { "alone": count(&mixed.alone), "beside": count(&mixed.beside) },
        "echoes": mixed.echoes.iter().sum::<u64>(),
        "echo_us_p50": spread_json(Spread::of(mixed.echo.iter().copied())),
    })
}

pub(crate) fn mixed_goal(mixed: &Mixed) -> Goal {
    let (alone, beside, ratio) = mixed.compare(|run| run.p99);
    Goal {
        name: format!("null call, p99, beside echoes of {} MiB, of that alone", mixed::SIZE >> 20),
        measured: format!("{ratio}: {beside} µs; {alone} alone"),
        goal: format!("at most {MIXED_GOAL:.0}"),
        is_reached: ratio.median <= MIXED_GOAL,
    }
}
