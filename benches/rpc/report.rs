//! The results as a table and as JSON.

use std::fs;
use std::path::Path;

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

use super::arguments::Arguments;
use super::compare::{Calls, Comparison, IN_FLIGHT};
use super::flood::Floods;
use super::loss::{LOSS, Loss};
use super::memory::Memory;
use super::mixed::Mixed;
use super::payload::Payload;
use farcall_workloads::Result;
use farcall_workloads::measure::Spread;
use farcall_workloads::process::{self, Placement};

use super::{flood_report, payload_picture, payload_report, picture};

/// A call may take this many times as long as an echo, in the middle.
const LATENCY_GOAL: f64 = 1.5;
/// With 64 in flight there should be at least this many times as many calls as echoes.
const RATE_GOAL: f64 = 1.0;
/// A session that makes no calls may take this many bytes.
const SESSION_GOAL: f64 = 4096.0;
/// A server with a thousand sessions should stay under this many bytes.
const SERVER_GOAL: u64 = 64 << 20;
/// The most programs that may have been running on average before, for the machine to count as idle.
const IDLE_LOAD: f64 = 0.5;

/// Everything that was measured, and how.
#[derive(Debug)]
pub(crate) struct Report {
    setting: Value,
    description: String,
    pub(crate) calls: Option<Calls>,
    pub(crate) loss: Option<Loss>,
    pub(crate) memory: Option<Memory>,
    pub(crate) payload: Option<Payload>,
    pub(crate) mixed: Option<Mixed>,
    pub(crate) floods: Option<Floods>,
}

impl Report {
    /// A report without results.
    pub(crate) fn new(arguments: &Arguments, placement: &Placement) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let bound = match placement.cores {
            Some((client, server)) => format!("client on processor {client}, server on {server}"),
            None => "not bound to processors".to_owned(),
        };
        let load = process::load();
        if load.is_some_and(|load| load > IDLE_LOAD) {
            eprintln!("other programs are running here: times mean little, ratios a little more");
        }
        let (repetitions, time) = (arguments.repetitions(), arguments.time());
        Self {
            setting: json!({
                "system": std::env::consts::OS,
                "architecture": std::env::consts::ARCH,
                "processors": processors,
                "client_processor": placement.cores.map(|(client, _)| client),
                "server_processor": placement.cores.map(|(_, server)| server),
                "repetitions": repetitions,
                "seconds_per_measurement": time.as_secs_f64(),
                "load_before": load,
            }),
            description: format!(
                "two processes over loopback, {bound}; medians of {repetitions} repetitions, least to most; \
                 load before: {}",
                load.map_or("unknown".to_owned(), |load| format!("{load:.1}"))
            ),
            calls: None,
            loss: None,
            memory: None,
            payload: None,
            mixed: None,
            floods: None,
        }
    }

    /// Prints and writes everything.
    pub(crate) fn publish(&self, arguments: &Arguments) -> Result<()> {
        println!("{}\n", self.description);
        if let Some(calls) = &self.calls {
            println!("{}\n", calls_table(calls));
        }
        if let Some(payload) = &self.payload {
            println!("{}\n", payload_report::table(payload));
        }
        if let Some(mixed) = &self.mixed {
            println!("{}\n", payload_report::mixed_table(mixed));
        }
        if let Some(floods) = &self.floods {
            println!("{}\n", flood_report::table(floods));
        }
        let goals = self.goals();
        if !goals.is_empty() {
            println!("{}\n", goals_table(&goals));
        }
        let value = json!({
            "setting": self.setting,
            "calls": self.calls.as_ref().map(calls_json),
            "loss": self.loss.as_ref().map(loss_json),
            "memory": self.memory.as_ref().map(memory_json),
            "payload": self.payload.as_ref().map(payload_report::json),
            "mixed": self.mixed.as_ref().map(payload_report::mixed_json),
            "flood": self.floods.as_ref().map(flood_report::json),
            "goals": goals.iter().map(Goal::json).collect::<Vec<_>>(),
        });
        make_room(&arguments.json)?;
        fs::write(&arguments.json, format!("{value:#}\n"))?;
        println!("results: {}", arguments.json.display());
        if let Some(calls) = &self.calls {
            make_room(&arguments.picture)?;
            picture::draw(calls, &self.description, &arguments.picture)?;
            println!("picture: {}", arguments.picture.display());
        }
        if let Some(payload) = &self.payload {
            make_room(&arguments.payload_picture)?;
            payload_picture::draw(payload, &self.description, &arguments.payload_picture)?;
            println!("picture: {}", arguments.payload_picture.display());
        }
        Ok(())
    }

    fn goals(&self) -> Vec<Goal> {
        let mut goals = Vec::new();
        if let Some(calls) = &self.calls {
            let latency = calls.compare(|side| side.latency.p50).ratio;
            goals.push(Goal {
                name: "null call, p50, of the echo's".into(),
                measured: format!("{latency}"),
                goal: format!("at most {LATENCY_GOAL}"),
                is_reached: latency.median <= LATENCY_GOAL,
            });
            let rate = rate(calls, 2).ratio;
            goals.push(Goal {
                name: format!("calls/s with {} in flight, of the echo's", IN_FLIGHT[2]),
                measured: format!("{rate}"),
                goal: format!("at least {RATE_GOAL:.1}"),
                is_reached: rate.median >= RATE_GOAL,
            });
        }
        if let Some(loss) = &self.loss {
            let (without, with) = loss.tails();
            let limit = loss.limit();
            goals.push(Goal {
                name: format!("p99 with {:.0} % loss each way, µs", LOSS * 100.0),
                measured: format!("{with}; {without} without"),
                goal: format!("under {limit:.0}: ten times as long, and 2 ms"),
                is_reached: with.median < limit,
            });
        }
        if let Some(memory) = &self.memory {
            goals.push(Goal {
                name: "memory of an idle session, bytes".into(),
                measured: format!(
                    "{:.0}; {:.0} after {} calls at once",
                    memory.per_session,
                    memory.per_busy_session,
                    Memory::BUSY
                ),
                goal: format!("at most {SESSION_GOAL}"),
                is_reached: memory.per_session <= SESSION_GOAL,
            });
            let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
            goals.push(Goal {
                name: format!("memory of a server with {} sessions, MiB", Memory::FEW),
                measured: format!(
                    "{:.1}; {:.1} without any",
                    mebibytes(memory.few),
                    mebibytes(memory.empty)
                ),
                goal: format!("under {}", mebibytes(SERVER_GOAL)),
                is_reached: memory.few < SERVER_GOAL,
            });
        }
        goals.extend(self.payload.iter().flat_map(payload_report::goals));
        goals.extend(self.mixed.as_ref().map(payload_report::mixed_goal));
        goals.extend(self.floods.iter().flat_map(flood_report::goals));
        goals
    }
}

/// Something that should be reached, and what was.
#[derive(Debug)]
pub(crate) struct Goal {
    pub(crate) name: String,
    pub(crate) measured: String,
    pub(crate) goal: String,
    pub(crate) is_reached: bool,
}

impl Goal {
    fn json(&self) -> Value {
        let Self { name, measured, goal, is_reached } = self;
        json!({ "name": name, "measured": measured, "goal": goal, "is_reached": is_reached })
    }
}

/// Calls per second with as many in flight as [`IN_FLIGHT`] has at `index`.
pub(crate) fn rate(calls: &Calls, index: usize) -> Comparison {
    calls.compare(|side| side.streams[index].rate)
}

/// Microseconds of processor time per call, of the client and of the server.
fn processor(calls: &Calls, index: usize) -> Option<(Comparison, Comparison)> {
    let known = |side: &super::compare::Repetition| side.streams[index].processor;
    calls.echo.iter().chain(&calls.farcall).all(|side| known(side).is_some()).then(|| {
        let client = calls.compare(|side| known(side).map_or(f64::NAN, |(client, _)| client));
        let server = calls.compare(|side| known(side).map_or(f64::NAN, |(_, server)| server));
        (client, server)
    })
}

fn calls_table(calls: &Calls) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["", "bare echo", "farcall", "farcall / echo"]);
    let mut row = |name: String, Comparison { echo, farcall, ratio }: Comparison| {
        table.add_row([name, echo.to_string(), farcall.to_string(), ratio.to_string()]);
    };
    row("latency p50, µs".into(), calls.compare(|side| side.latency.p50));
    row("latency p99, µs".into(), calls.compare(|side| side.latency.p99));
    row("latency p99.9, µs".into(), calls.compare(|side| side.latency.p999));
    for (index, in_flight) in IN_FLIGHT.into_iter().enumerate() {
        row(format!("calls/s, {in_flight} in flight"), rate(calls, index));
    }
    for (index, in_flight) in IN_FLIGHT.into_iter().enumerate() {
        let Some((client, server)) = processor(calls, index) else { continue };
        row(format!("client µs/call, {in_flight} in flight"), client);
        row(format!("server µs/call, {in_flight} in flight"), server);
    }
    for (index, in_flight) in IN_FLIGHT.into_iter().enumerate() {
        let farcall = calls.datagrams(index);
        let echo = Spread { median: 2.0, minimum: 2.0, maximum: 2.0 };
        let name = format!("datagrams/call, {in_flight} in flight");
        row(name, Comparison { echo, farcall, ratio: farcall.times(0.5) });
    }
    align(&mut table);
    table
}

/// Puts figures under each other: all columns but the first.
pub(crate) fn align(table: &mut Table) {
    for column in 1..table.column_count() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

fn goals_table(goals: &[Goal]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(["", "measured", "goal", ""]);
    for Goal { name, measured, goal, is_reached } in goals {
        let verdict = if *is_reached { "reached" } else { "MISSED" };
        table.add_row([name.as_str(), measured, goal, verdict]);
    }
    table
}

pub(crate) fn spread_json(spread: Spread) -> Value {
    json!({ "median": spread.median, "least": spread.minimum, "most": spread.maximum })
}

fn comparison_json(comparison: Comparison) -> Value {
    json!({
        "echo": spread_json(comparison.echo),
        "farcall": spread_json(comparison.farcall),
        "ratio": spread_json(comparison.ratio),
    })
}

fn calls_json(calls: &Calls) -> Value {
    let in_flight: Vec<Value> = IN_FLIGHT
        .into_iter()
        .enumerate()
        .map(|(index, in_flight)| {
            let processor = processor(calls, index);
            json!({
                "in_flight": in_flight,
                "per_second": comparison_json(rate(calls, index)),
                "client_processor_us": processor.map(|(client, _)| comparison_json(client)),
                "server_processor_us": processor.map(|(_, server)| comparison_json(server)),
                "datagrams_per_call": spread_json(calls.datagrams(index)),
            })
        })
        .collect();
    let count = |sides: &[super::compare::Repetition]| {
        sides.iter().map(|side| side.latency.exchanged.count).sum::<u64>()
    };
    json!({
        "latency_us": {
            "p50": comparison_json(calls.compare(|side| side.latency.p50)),
            "p99": comparison_json(calls.compare(|side| side.latency.p99)),
            "p99.9": comparison_json(calls.compare(|side| side.latency.p999)),
            "samples": { "echo": count(&calls.echo), "farcall": count(&calls.farcall) },
        },
        "throughput": in_flight,
    })
}

fn loss_json(loss: &Loss) -> Value {
    let all = |runs: &[farcall_workloads::measure::Latency]| {
        let figure = |figure: fn(&farcall_workloads::measure::Latency) -> f64| {
            spread_json(Spread::of(runs.iter().map(figure)))
        };
        json!({
            "p50": figure(|run| run.p50),
            "p99": figure(|run| run.p99),
            "p99.9": figure(|run| run.p999),
            "samples": runs.iter().map(|run| run.exchanged.count).sum::<u64>(),
        })
    };
    json!({
        "lost_each_way": LOSS,
        "latency_us_without": all(&loss.without),
        "latency_us_with": all(&loss.with),
        "p99_limit_us": loss.limit(),
    })
}

fn memory_json(memory: &Memory) -> Value {
    json!({
        "server_bytes": memory.empty,
        "server_bytes_with_sessions": memory.few,
        "sessions": Memory::FEW,
        "bytes_per_idle_session": memory.per_session,
        "bytes_per_session_after_a_full_window": memory.per_busy_session,
    })
}

fn make_room(file: &Path) -> Result<()> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    Ok(())
}
