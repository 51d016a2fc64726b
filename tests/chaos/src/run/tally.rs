//! What was done to whom.

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
    /// The memory of the last server process when everything was well again, and at its end.
    pub(crate) last_memory: Option<(u64, u64)>,
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
        if let (Some(most), Some((first, last))) = (self.most_memory, self.last_memory) {
            remarks.push(format!(
                "memory of the server: {:.1} MiB at most; the last process {:.1} MiB at the last \
                 disaster and {:.1} MiB at its end",
                mebibytes(most),
                mebibytes(first),
                mebibytes(last),
            ));
        }
        remarks
    }
}
