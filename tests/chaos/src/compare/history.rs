//! Everything that was written about some calls, for people.

use std::fmt::Write;
use std::path::Path;

use super::Ledgers;
use crate::client::REASONS;
use crate::record::{self, Event};

/// What every ledger says about these calls, in the order of time.
pub(crate) fn history(ids: &[u64], ledgers: &Ledgers) -> String {
    let mut lines = Vec::new();
    let mut first = u64::MAX;
    for path in ledgers.clients.iter().chain(&ledgers.servers) {
        let records = record::read(path).unwrap_or_default();
        first = records.first().map_or(first, |record| first.min(record.time));
        for record in records.into_iter().filter(|record| ids.contains(&record.id)) {
            lines.push((record, path));
        }
    }
    lines.sort_by_key(|(record, _)| (record.id, record.time));
    let seconds = |time: u64| time.saturating_sub(first) as f64 / 1e9;
    let mut text = String::new();
    for (record, path) in lines {
        let reason = match record.event {
            Event::NotExecuted | Event::Executed | Event::Unknown => {
                REASONS.get(usize::from(record.detail)).copied().unwrap_or("?")
            }
            _ => "",
        };
        // Nothing can go wrong with a string.
        let _ = writeln!(
            text,
            "  {} at {:.6} s: {:?} {reason} {:x} ({})",
            name(record.id),
            seconds(record.time),
            record.event,
            record.value,
            file_name(path),
        );
    }
    for kill in &ledgers.kills {
        let (halted, killed) = (seconds(kill.halted), seconds(kill.killed));
        let _ =
            writeln!(text, "  a server did nothing from {halted:.6} s on, killed at {killed:.6} s");
    }
    text
}

/// A call's id as client, process and number.
pub(crate) fn name(id: u64) -> String {
    format!("call {}-{}-{}", id >> 48, id >> 32 & 0xffff, id & 0xffff_ffff)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
