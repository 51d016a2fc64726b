//! Plain counters: what an endpoint did, and why it dropped what it dropped.

use core::time::Duration;

macro_rules! drop_reasons {
    ($($(#[$doc:meta])* $variant:ident = $label:literal,)*) => {
        /// Why a received datagram was dropped. Every received datagram is either accepted or counted
        /// under exactly one of these.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum DropReason { $($(#[$doc])* $variant,)* }

        impl DropReason {
            /// Every reason, in order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// A short name for tables and metrics.
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }
        }
    };
}

drop_reasons! {
    /// Shorter than the fixed header and the checksum.
    Truncated = "truncated",
    /// Not a datagram of this protocol.
    WrongMagic = "wrong magic",
    /// Another version of the protocol.
    WrongVersion = "wrong version",
    /// The checksum does not match.
    Corrupt = "corrupt",
    /// The checksum matches and the content is not well formed.
    Malformed = "malformed",
    /// Sent by the wrong role: by a server to a server, or by a client to a client.
    WrongRole = "wrong role",
    /// From an address that this client does not talk to.
    WrongAddress = "wrong address",
    /// For a session that does not exist here.
    UnknownSession = "unknown session",
    /// For a session whose address is another one.
    UnprovenAddress = "unproven address",
    /// A handshake packet that answers nothing that was asked.
    StaleHandshake = "stale handshake",
    /// A cookie that is forged, too old or for another address.
    BadCookie = "bad cookie",
    /// Over the rate at which one source may open sessions.
    RateLimited = "rate limited",
    /// The table of sessions is full.
    SessionLimit = "session limit",
}

/// Counters of received datagrams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Datagrams that arrived.
    pub datagrams: u64,
    /// Bytes that arrived.
    pub bytes: u64,
    /// Datagrams that were accepted.
    pub accepted: u64,
    dropped: [u64; DropReason::ALL.len()],
}

impl Received {
    /// How many datagrams were dropped for `reason`.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }

    /// How many datagrams were dropped for any reason.
    pub fn dropped_total(&self) -> u64 {
        self.dropped.iter().sum()
    }

    pub(crate) fn count(&mut self, bytes: usize, verdict: Result<(), DropReason>) {
        self.datagrams += 1;
        self.bytes += bytes as u64;
        match verdict {
            Ok(()) => self.accepted += 1,
            Err(reason) => self.dropped[reason as usize] += 1,
        }
    }
}

/// What a client did so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientStatistics {
    /// Received datagrams.
    pub received: Received,
    /// Datagrams sent.
    pub datagrams_sent: u64,
    /// Bytes sent.
    pub bytes_sent: u64,
    /// Calls submitted, one-way calls included.
    pub calls: u64,
    /// Calls that ended with a result.
    pub replies: u64,
    /// Calls that ended with an error.
    pub failures: u64,
    /// Copies of requests beyond the first.
    pub retransmissions: u64,
    /// Retransmissions that were put off because the budget was empty.
    pub retransmissions_delayed: u64,
    /// Probes sent.
    pub probes: u64,
    /// Fences sent.
    pub fences: u64,
    /// Sessions opened.
    pub sessions_opened: u64,
    /// Sessions resumed.
    pub sessions_resumed: u64,
    /// Frames that answered nothing that is still open: late or duplicate answers.
    pub stale_frames: u64,
    /// The smoothed round-trip time, once one was measured (RFC 6298).
    pub round_trip: Option<Duration>,
}

/// What a server did so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerStatistics {
    /// Received datagrams.
    pub received: Received,
    /// Datagrams sent.
    pub datagrams_sent: u64,
    /// Bytes sent.
    pub bytes_sent: u64,
    /// Calls admitted.
    pub calls: u64,
    /// Handlers entered.
    pub executions: u64,
    /// Copies of requests that were recognised and not run.
    pub duplicates: u64,
    /// Stored replies sent again.
    pub replies_replayed: u64,
    /// Requests below the lane's number, or of a call whose reply was acknowledged.
    pub stale_requests: u64,
    /// Different content under one number.
    pub misuses: u64,
    /// Calls refused, for any reason.
    pub refusals: u64,
    /// One-way calls admitted.
    pub oneway_calls: u64,
    /// One-way calls dropped because the queue was full.
    pub oneway_dropped: u64,
    /// WORKING frames sent.
    pub working_sent: u64,
    /// Handlers that panicked.
    pub panics: u64,
    /// Sessions that exist now.
    pub sessions: usize,
    /// Sessions opened so far.
    pub sessions_opened: u64,
    /// Sessions resumed.
    pub sessions_resumed: u64,
    /// Sessions that expired.
    pub sessions_expired: u64,
    /// Calls that wait for a worker now.
    pub queued: usize,
    /// Calls now whose handlers run or will answer later.
    pub running: usize,
    /// Those of them that wait for an answer without a worker: futures that wait to be woken or
    /// polled, and owed replies.
    pub suspended: usize,
    /// Bytes of stored replies now.
    pub reply_bytes: usize,
}
