//! What sessions cost a server.
//!
//! Each session comes from a socket of its own, has made its calls and fallen silent without saying
//! goodbye or acknowledging anything: the server keeps the session and the last replies. The clients
//! are protocol cores without a loop, since thousands of real ones would take more files than a
//! process may open.

use core::ops::Range;

use farcall_workloads::goals::Goal;
use farcall_workloads::process::{Process, Usage};
use farcall_workloads::report::Section;
use farcall_workloads::runner::Bench;
use farcall_workloads::{FarcallSystem, Result};
use serde_json::json;

use super::visitor::Visitor;

/// How many sessions a server of moderate size has.
const FEW: u32 = 1_000;
/// How many it has at the end: enough for the cost of one to stand out.
const MANY: u32 = 10_000;
/// How many calls are in flight at once in a session that has been busy.
const BUSY: i32 = 128;
/// A session that makes no calls may take this many bytes.
const SESSION_GOAL: f64 = 2048.0;
/// A server with a thousand sessions should stay under this many bytes.
const SERVER_GOAL: u64 = 64 << 20;

/// Memory of a server process in bytes.
#[derive(Clone, Copy, Debug)]
struct Memory {
    /// Without a session.
    empty: u64,
    /// With [`FEW`] sessions that have made one call each.
    few: u64,
    /// What each further session of that kind costs.
    per_session: f64,
    /// What each session costs that has had a full window of calls in flight.
    per_busy_session: f64,
}

/// Measures everything.
pub(crate) fn run(bench: &Bench) -> Result<Section> {
    let mut section = Section {
        name: "memory",
        tables: Vec::new(),
        remarks: Vec::new(),
        goals: Vec::new(),
        json: serde_json::Value::Null,
    };
    if Usage::own().is_none() {
        let reason = "memory: this system does not say how much memory a process occupies";
        section.remarks.push(reason.to_owned());
        return Ok(section);
    }
    eprintln!("memory: {MANY} idle sessions, {FEW} that have been busy");
    let memory = measure(bench)?;
    section.goals = goals(&memory).into();
    section.json = json!({
        "server_bytes": memory.empty,
        "server_bytes_with_sessions": memory.few,
        "sessions": FEW,
        "bytes_per_idle_session": memory.per_session,
        "bytes_per_session_after_a_full_window": memory.per_busy_session,
    });
    Ok(section)
}

fn measure(bench: &Bench) -> Result<Memory> {
    let mut server = bench.serve(&FarcallSystem::DEFAULT)?;
    let empty = resident(&mut server)?;
    open_sessions(&server, 0..FEW, 1)?;
    let few = resident(&mut server)?;
    open_sessions(&server, FEW..MANY, 1)?;
    let many = resident(&mut server)?;

    let mut server = bench.serve(&FarcallSystem::DEFAULT)?;
    // The first one has the memory made that all share.
    open_sessions(&server, 0..1, BUSY)?;
    let before = resident(&mut server)?;
    open_sessions(&server, 1..FEW + 1, BUSY)?;
    let after = resident(&mut server)?;
    Ok(Memory {
        empty,
        few,
        per_session: many.saturating_sub(few) as f64 / f64::from(MANY - FEW),
        per_busy_session: after.saturating_sub(before) as f64 / f64::from(FEW),
    })
}

fn goals(memory: &Memory) -> [Goal; 2] {
    let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    [
        Goal {
            name: "W4: memory of an idle session, bytes".into(),
            measured: format!(
                "{:.0}; {:.0} after {BUSY} calls at once",
                memory.per_session, memory.per_busy_session
            ),
            goal: format!("at most {SESSION_GOAL}"),
            is_reached: memory.per_session <= SESSION_GOAL,
        },
        Goal {
            name: format!("memory of a server with {FEW} sessions, MiB"),
            measured: format!(
                "{:.1}; {:.1} without any",
                mebibytes(memory.few),
                mebibytes(memory.empty)
            ),
            goal: format!("under {}", mebibytes(SERVER_GOAL)),
            is_reached: memory.few < SERVER_GOAL,
        },
    ]
}

fn resident(server: &mut Process) -> Result<u64> {
    let usage: Option<Usage> = server.usage()?;
    Ok(usage.ok_or("the server does not say how much memory it occupies")?.resident)
}

/// Opens sessions that each make `calls` calls at once, and leaves them.
///
/// `seeds` are as many as there are sessions, and no two sessions of a server may have the same one:
/// it would take them for one.
fn open_sessions(server: &Process, seeds: Range<u32>, calls: i32) -> Result<()> {
    for seed in seeds {
        Visitor::new(server.address(), seed)?.visit(calls)?;
    }
    Ok(())
}
