//! Statistics as text: a line for a log, or a table.

use core::fmt;

use super::{ClientStatistics, DropReason, Received, ServerStatistics};

/// Counters in groups, each with its name.
struct Report {
    groups: Vec<(&'static str, Vec<(&'static str, Value)>)>,
}

enum Value {
    Count(u64),
    Text(String),
}

impl Value {
    fn is_nothing(&self) -> bool {
        matches!(self, Self::Count(0))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => fmt::Display::fmt(count, f),
            Self::Text(text) => fmt::Display::fmt(text, f),
        }
    }
}

impl Report {
    fn new() -> Self {
        Self { groups: Vec::new() }
    }

    fn group(mut self, name: &'static str, counts: &[(&'static str, u64)]) -> Self {
        let values = counts.iter().map(|(name, count)| (*name, Value::Count(*count)));
        self.groups.push((name, values.collect()));
        self
    }

    fn add(mut self, name: &'static str, value: Option<String>) -> Self {
        if let (Some((_, values)), Some(value)) = (self.groups.last_mut(), value) {
            values.push((name, Value::Text(value)));
        }
        self
    }

    /// What was received, and every reason for which something was dropped.
    fn received(self, received: &Received) -> Self {
        let Received { datagrams, bytes, accepted, .. } = *received;
        let dropped: Vec<_> = DropReason::ALL
            .iter()
            .map(|reason| (reason.label(), received.dropped(*reason)))
            .filter(|(_, count)| *count > 0)
            .collect();
        self.group(
            "received",
            &[("datagrams", datagrams), ("bytes", bytes), ("accepted", accepted)],
        )
        .group("dropped", &dropped)
    }

    /// What the system refused, if it did.
    fn refused(self, counts: [(&'static str, u64); 3]) -> Self {
        let counts: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
        self.group("system", &counts)
    }

    /// One line, without what is zero.
    fn line(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut is_first = true;
        for (group, values) in &self.groups {
            let mut separator = ": ";
            for (name, value) in values.iter().filter(|(_, value)| !value.is_nothing()) {
                if separator == ": " {
                    write!(f, "{}{group}", if is_first { "" } else { "; " })?;
                    is_first = false;
                }
                write!(f, "{separator}{value} {name}")?;
                separator = ", ";
            }
        }
        f.write_str(if is_first { "nothing happened" } else { "" })
    }

    /// One counter on a line, the numbers below each other.
    fn table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = || self.groups.iter().flat_map(|(_, values)| values);
        let width = names().map(|(name, _)| name.len()).max().unwrap_or_default() + 2;
        let digits = names().map(|(_, value)| value.to_string().len()).max().unwrap_or_default();
        let mut line_end = "";
        for (group, values) in self.groups.iter().filter(|(_, values)| !values.is_empty()) {
            write!(f, "{line_end}{group}")?;
            for (name, value) in values {
                write!(f, "\n  {name:width$}{value:>digits$}")?;
            }
            line_end = "\n";
        }
        Ok(())
    }

    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() { self.table(f) } else { self.line(f) }
    }
}

impl fmt::Display for ClientStatistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Report::new()
            .group(
                "calls",
                &[
                    ("submitted", self.calls),
                    ("replied", self.replies),
                    ("failed", self.failures),
                    ("open", self.open()),
                ],
            )
            .group(
                "sent",
                &[
                    ("datagrams", self.datagrams_sent),
                    ("bytes", self.bytes_sent),
                    ("parts", self.parts_sent),
                    ("retransmissions", self.retransmissions),
                    ("put off", self.retransmissions_delayed),
                    ("probes", self.probes),
                    ("fences", self.fences),
                ],
            )
            .received(&self.received)
            .refused([
                ("send errors", self.send_errors),
                ("receive errors", self.receive_errors),
                ("datagrams unsent", self.datagrams_unsent),
            ])
            .group(
                "large results",
                &[("parts", self.parts_received), ("bytes held", self.assembly_bytes as u64)],
            )
            .group(
                "session",
                &[
                    ("opened", self.sessions_opened),
                    ("resumed", self.sessions_resumed),
                    ("stale frames", self.stale_frames),
                ],
            )
            .add("round trip", self.round_trip.map(|time| format!("{time:.1?}")))
            .write(f)
    }
}

impl fmt::Display for ServerStatistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Report::new()
            .group(
                "calls",
                &[
                    ("admitted", self.calls),
                    ("run", self.executions),
                    ("refused", self.refusals),
                    ("one-way", self.oneway_calls),
                    ("one-way dropped", self.oneway_dropped),
                    ("panicked", self.panics),
                ],
            )
            .group(
                "now",
                &[
                    ("queued", self.queued as u64),
                    ("running", self.running as u64),
                    ("suspended", self.suspended as u64),
                    ("sessions", self.sessions as u64),
                    ("bytes of replies", self.reply_bytes as u64),
                ],
            )
            .group(
                "copies",
                &[
                    ("duplicates", self.duplicates),
                    ("replies sent again", self.replies_replayed),
                    ("stale requests", self.stale_requests),
                    ("misuses", self.misuses),
                ],
            )
            .group(
                "sent",
                &[
                    ("datagrams", self.datagrams_sent),
                    ("bytes", self.bytes_sent),
                    ("parts", self.parts_sent),
                    ("WORKING", self.working_sent),
                ],
            )
            .received(&self.received)
            .refused([
                ("send errors", self.send_errors),
                ("receive errors", self.receive_errors),
                ("datagrams unsent", self.datagrams_unsent),
            ])
            .group(
                "large arguments",
                &[
                    ("parts", self.parts_received),
                    ("lost", self.arguments_lost),
                    ("bytes held", self.assembly_bytes as u64),
                ],
            )
            .group(
                "sessions",
                &[
                    ("opened", self.sessions_opened),
                    ("resumed", self.sessions_resumed),
                    ("expired", self.sessions_expired),
                ],
            )
            .write(f)
    }
}
