//! Holds what the clients were told against what the servers ran.
//!
//! | the client wrote | the call ran |
//! |---|---|
//! | a reply | once, and that run gave this reply (an idempotent call: at least once, and one of the runs did) |
//! | `NotExecuted` | never |
//! | `Executed` | once |
//! | `Unknown`, nothing, or that nobody will be told | once or never |
//! | nothing at all, not even that the call was begun | never |
//!
//! There is one gap between a promise and a ledger. `Executed` promises that the handler was entered, and
//! the first thing that a handler does is to write so. A kill may come between the two. It excuses a call
//! only if it came between the beginning of the call and a little after its end, and no kill excuses more
//! calls than the server has workers.

pub(crate) mod history;
#[cfg(test)]
mod tests;

use core::time::Duration;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::clock::nanoseconds;
use crate::interface::Method;
use crate::record::{self, Event, Record};
use crate::server::WORKERS;

/// How long a handler may take from its entry to its ledger, on a busy machine.
const SLACK: Duration = Duration::from_secs(2);

/// The end of a server process that was killed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Killed {
    /// From when on it did nothing: it may have been stopped before it was killed.
    pub(crate) halted: u64,
    pub(crate) killed: u64,
}

/// What is known of one call.
#[derive(Clone, Copy, Debug, Default)]
struct Call {
    begun: Option<u64>,
    ended: u64,
    method: u8,
    told: Option<Event>,
    /// The digest in the reply.
    told_value: u64,
    runs: u32,
    /// One of the runs gave the reply.
    fits: bool,
}

/// Something that was promised and is not so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) id: u64,
    pub(crate) what: String,
}

/// What the ledgers say.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) begun: u64,
    pub(crate) runs: u64,
    /// How many calls ended in each way; `None` for those whose client was killed.
    pub(crate) ends: BTreeMap<Option<Event>, u64>,
    /// And how many of them ran.
    pub(crate) ran: BTreeMap<Option<Event>, u64>,
    /// Failures by what was told and by the number of the reason.
    pub(crate) reasons: BTreeMap<(Event, u8), u64>,
    /// Calls whose end was unknown at first, by what the server said when it was asked again.
    pub(crate) settled: BTreeMap<Event, u64>,
    /// Calls that were entered by a server which was killed before it could write so.
    pub(crate) excused: u64,
    pub(crate) violations: Vec<Violation>,
}

impl Findings {
    fn violation(&mut self, id: u64, what: impl Into<String>) {
        self.violations.push(Violation { id, what: what.into() });
    }
}

/// The ledgers of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledgers {
    pub(crate) clients: Vec<PathBuf>,
    pub(crate) servers: Vec<PathBuf>,
    pub(crate) kills: Vec<Killed>,
}

/// Compares everything. An error means that a ledger cannot be read.
pub(crate) fn compare(ledgers: &Ledgers) -> Result<Findings, String> {
    let mut calls = Calls::default();
    let mut findings = Findings::default();
    // A process that was killed early has not made a file.
    let existing = |path: &&PathBuf| path.exists();
    for path in ledgers.clients.iter().filter(existing) {
        calls.read_client(path, &mut findings)?;
    }
    for path in ledgers.servers.iter().filter(existing) {
        calls.read_server(path, &mut findings)?;
    }
    calls.judge(&ledgers.kills, &mut findings);
    Ok(findings)
}

/// Calls by the client process that made them; in there they are numbered from 0.
#[derive(Debug, Default)]
struct Calls(BTreeMap<u32, Vec<Call>>);

impl Calls {
    fn get(&mut self, id: u64) -> Option<&mut Call> {
        let calls = self.0.get_mut(&((id >> 32) as u32))?;
        calls.get_mut(id as u32 as usize).filter(|call| call.begun.is_some())
    }

    fn read_client(&mut self, path: &Path, findings: &mut Findings) -> Result<(), String> {
        for record in record::read(path)? {
            match record.event {
                Event::Begun => self.begin(&record, findings),
                Event::Ran => findings.violation(record.id, "a client says that it ran a call"),
                _ => self.end(&record, findings),
            }
        }
        Ok(())
    }

    fn begin(&mut self, record: &Record, findings: &mut Findings) {
        let calls = self.0.entry((record.id >> 32) as u32).or_default();
        let index = record.id as u32 as usize;
        if index >= calls.len() {
            calls.resize(index + 1, Call::default());
        }
        let call = &mut calls[index];
        if call.begun.is_some() {
            findings.violation(record.id, "two calls have this id");
        }
        call.begun = Some(record.time);
        call.method = record.detail;
        findings.begun += 1;
    }

    fn end(&mut self, record: &Record, findings: &mut Findings) {
        let Some(call) = self.get(record.id) else {
            return findings.violation(record.id, "it ended and was never begun");
        };
        let previous = call.told.replace(record.event);
        call.told_value = record.value;
        call.ended = record.time;
        match (previous, record.event) {
            (None, _) => {}
            // The server was asked what became of it.
            (Some(Event::Unknown), event) => *findings.settled.entry(event).or_default() += 1,
            (Some(previous), event) => {
                findings.violation(record.id, format!("{previous:?} was told, and then {event:?}"));
            }
        }
        if record.event == Event::WrongReply {
            findings.violation(record.id, "the reply is not the one to these arguments");
        }
        let is_failure =
            matches!(record.event, Event::NotExecuted | Event::Executed | Event::Unknown);
        if is_failure && previous.is_none() {
            *findings.reasons.entry((record.event, record.detail)).or_default() += 1;
        }
    }

    fn read_server(&mut self, path: &Path, findings: &mut Findings) -> Result<(), String> {
        for record in record::read(path)? {
            findings.runs += 1;
            if record.event != Event::Ran {
                findings.violation(record.id, "a server says that it made a call");
                continue;
            }
            let Some(call) = self.get(record.id) else {
                findings.violation(record.id, "it ran and was never begun");
                continue;
            };
            call.runs += 1;
            call.fits |= call.told_value == record.value;
            let (runs, is_early) = (call.runs, call.begun > Some(record.time));
            if call.method != record.detail {
                findings.violation(record.id, "another method ran than was called");
            }
            if is_early {
                findings.violation(record.id, "it ran before it was begun");
            }
            if runs > 1 && record.detail != Method::Repeatable as u8 {
                findings.violation(record.id, format!("it ran {runs} times"));
            }
        }
        Ok(())
    }

    fn judge(&self, kills: &[Killed], findings: &mut Findings) {
        for (&process, calls) in &self.0 {
            for (call, number) in calls.iter().zip(0u64..) {
                let Some(begun) = call.begun else { continue };
                let id = u64::from(process) << 32 | number;
                *findings.ends.entry(call.told).or_default() += 1;
                *findings.ran.entry(call.told).or_default() += u64::from(call.runs > 0);
                match (call.told, call.runs) {
                    (Some(Event::Replied), 0) => {
                        findings.violation(id, "there is a reply, and it never ran");
                    }
                    (Some(Event::Replied), _) if !call.fits => {
                        findings.violation(id, "no run of it gave this reply");
                    }
                    (Some(Event::NotExecuted), 1..) => {
                        findings.violation(id, "NotExecuted was told, and it ran");
                    }
                    (Some(Event::Executed), 0) => {
                        let until = call.ended + nanoseconds(SLACK);
                        let is_excused =
                            kills.iter().any(|kill| begun <= kill.killed && kill.halted <= until);
                        if is_excused {
                            findings.excused += 1;
                        } else {
                            findings.violation(id, "Executed was told, and it never ran");
                        }
                    }
                    _ => {}
                }
            }
        }
        let most = (kills.len() * WORKERS) as u64;
        if findings.excused > most {
            let what = format!(
                "Executed was told of {} calls that nobody wrote down, and {} kills of {WORKERS} \
                 workers excuse {most}",
                findings.excused,
                kills.len(),
            );
            findings.violation(0, what);
        }
    }
}
