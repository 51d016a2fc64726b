//! What was done to whom.

use core::time::Duration;

/// Counts of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) server_kills: u64,
    pub(crate) client_kills: u64,
    /// The server was asked to end.
    pub(crate) server_restarts: u64,
    pub(crate) server_stops: u64,
    pub(crate) client_stops: u64,
    /// Calls that ended in any way.
    pub(crate) ended: u64,
    /// Calls that returned a result.
    pub(crate) replies: u64,
    /// How long the disasters lasted, in seconds.
    pub(crate) seconds: f64,
    /// When the last client had recovered after the last disaster, in seconds.
    pub(crate) recovered_after: Option<f64>,
    /// The longest time that a client had no result while everything was up, in seconds.
    pub(crate) longest_stall: f64,
    /// The most memory of a server process, in bytes.
    pub(crate) most_memory: Option<u64>,
    /// The server process that lived longest.
    pub(crate) oldest_server: Option<OldServer>,
}

/// What a server process occupied when it was young, and when it was last looked at, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OldServer {
    pub(crate) age: Duration,
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl Tally {
    pub(crate) fn kills(&self) -> u64 {
        self.server_kills + self.client_kills
    }

    /// What was done to processes.
    pub(crate) fn disasters(&self) -> Vec<(&'static str, u64)> {
        vec![
            ("kills of the server", self.server_kills),
            ("kills of a client", self.client_kills),
            ("ends of the server on request", self.server_restarts),
            ("stops of the server", self.server_stops),
            ("stops of a client", self.client_stops),
        ]
    }

    /// Sentences for people.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let mut remarks = vec![format!(
            "{} calls ended in {:.0} s of disasters, {} of them with a result; the longest time without \
             a result while everything was up: {:.1} s",
            self.ended, self.seconds, self.replies, self.longest_stall,
        )];
        if let Some(seconds) = self.recovered_after {
            remarks
                .push(format!("every client had a result {seconds:.2} s after the last disaster"));
        }
        if let (Some(most), Some(oldest)) = (self.most_memory, self.oldest_server) {
            remarks.push(format!(
                "memory of the server: {:.1} MiB at most; the process that lived longest took {:.1} MiB \
                 at first and {:.1} MiB after {:.0?}",
                mebibytes(most),
                mebibytes(oldest.first),
                mebibytes(oldest.last),
                oldest.age,
            ));
        }
        remarks
    }
}
