//! Plain counters: what an endpoint did, and why it dropped what it dropped.

mod display;

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
    /// From an address that this client does not talk to, or that no client can have: a group's, or none.
    WrongAddress = "wrong address",
    /// For a session that does not exist here.
    UnknownSession = "unknown session",
    /// For a session whose address is another one.
    UnprovenAddress = "unproven address",
    /// A handshake packet that answers nothing that was asked.
    StaleHandshake = "stale handshake",
    /// A cookie that is forged, too old or for another address.
    BadCookie = "bad cookie",
    /// Over the rate at which one source may open sessions, or begin to while many do.
    RateLimited = "rate limited",
    /// No session was granted: the table is full, this source has as many as one may have, or the server
    /// is shutting down.
    SessionLimit = "session limit",
}

/// Counters of received datagrams: `datagrams` is `accepted` plus [`dropped_total`](Self::dropped_total).
///
/// What the system's socket buffer had no room for was never received, and is in no counter of ours; it
/// shows as retransmissions of the other side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Datagrams that arrived.
    pub datagrams: u64,
    /// Bytes that arrived, without those of IP and UDP.
    pub bytes: u64,
    /// Datagrams that were accepted. What is in them may still be late or known already.
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

/// What a client did so far. Counters begin with the client and only grow.
///
/// It displays as one line for a log, without what is zero, and with `{:#}` as a table.
///
/// ```
/// use farcall::{Loopback, Server, Stub, rpc_interface};
///
/// #[rpc_interface]
/// pub trait Clock {
///     fn hour(&self) -> u8;
/// }
/// # struct Noon;
/// # impl Clock for Noon { fn hour(&self) -> u8 { 12 } }
///
/// let net = Loopback::new();
/// let server = Server::on(&net, "clock")?.serve(ClockServer::new(Noon)).spawn()?;
/// let clock = ClockClient::on(&net, "clock")?;
/// clock.hour()?;
/// let statistics = clock.client().statistics();
/// assert_eq!((statistics.calls, statistics.replies, statistics.failures), (1, 1, 0));
/// assert!(statistics.to_string().starts_with("calls: 1 submitted, 1 replied; sent: "));
/// println!("{statistics:#}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientStatistics {
    /// Received datagrams.
    pub received: Received,
    /// Datagrams sent.
    pub datagrams_sent: u64,
    /// Bytes sent, without those of IP and UDP.
    pub bytes_sent: u64,
    /// Datagrams with a part of larger arguments that were sent.
    pub parts_sent: u64,
    /// Parts of larger results that arrived, those that came twice included.
    pub parts_received: u64,
    /// Bytes of memory that results take that have not arrived whole, now.
    pub assembly_bytes: usize,
    /// Calls submitted, one-way calls and those that were refused on the spot included. Each is one of
    /// `replies`, `failures` and [`open`](Self::open).
    pub calls: u64,
    /// Calls that ended with a result, and one-way calls that were sent.
    pub replies: u64,
    /// Calls that ended with an error, and those that were dropped or cancelled.
    pub failures: u64,
    /// Copies of requests beyond the first.
    pub retransmissions: u64,
    /// Retransmissions that were put off because the budget was empty: many are a sign of a path that
    /// loses more than it carries.
    pub retransmissions_delayed: u64,
    /// Questions to the server whether it still works on a call.
    pub probes: u64,
    /// Fences sent: they stop a call that is given up, and ask what became of it.
    pub fences: u64,
    /// Sessions opened: one, and one more for each restart of the server that was noticed.
    pub sessions_opened: u64,
    /// Sessions resumed, after a silence or from another address.
    pub sessions_resumed: u64,
    /// Frames that answered nothing that is still open: late or duplicate answers.
    pub stale_frames: u64,
    /// System calls to send that failed, other than for want of room. Most are late reports about some
    /// earlier datagram, and the one that met them is tried again.
    pub send_errors: u64,
    /// System calls to receive that failed; they are late reports as well.
    pub receive_errors: u64,
    /// Datagrams that the system would not take: too large for the path, stopped by a filter, no route,
    /// or no room for too long. They are in `datagrams_sent` too.
    pub datagrams_unsent: u64,
    /// The smoothed round-trip time, once one was measured (RFC 6298), without the time that the server
    /// took.
    pub round_trip: Option<Duration>,
    /// The receive buffer that the system granted, in bytes as the configuration asks for them; 0 if it
    /// does not say, and in the simulator. Large messages are sent no faster than about half of it per
    /// round trip. Where it is less than was asked for, the limit of the system is lower
    /// (`net.core.rmem_max` on Linux).
    pub receive_buffer: usize,
}

impl ClientStatistics {
    /// Calls that were submitted and have not ended.
    pub fn open(&self) -> u64 {
        self.calls.saturating_sub(self.replies + self.failures)
    }
}

/// What a server did so far. Counters begin with the server and only grow; what is said to be *now* goes
/// up and down.
///
/// It displays as [`ClientStatistics`] does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerStatistics {
    /// Received datagrams.
    pub received: Received,
    /// Datagrams sent.
    pub datagrams_sent: u64,
    /// Bytes sent, without those of IP and UDP.
    pub bytes_sent: u64,
    /// Datagrams with a part of a larger result that were sent.
    pub parts_sent: u64,
    /// Parts of larger arguments that arrived, those that came twice included.
    pub parts_received: u64,
    /// Bytes of memory that larger arguments take now: those that have not arrived whole, and those whose
    /// calls wait for a worker.
    pub assembly_bytes: usize,
    /// Calls refused because their arguments did not arrive whole in time, or contradicted themselves.
    /// They are in `refusals` too.
    pub arguments_lost: u64,
    /// Calls admitted, one-way calls included. One whose arguments come in parts is admitted when they are
    /// whole.
    pub calls: u64,
    /// Calls taken to be run. Their handlers were entered, unless the arguments could not be decoded.
    pub executions: u64,
    /// Copies of requests, probes included, that were recognised and not run.
    pub duplicates: u64,
    /// Stored replies sent again.
    pub replies_replayed: u64,
    /// Requests below the lane's number, or of a call whose reply was acknowledged.
    pub stale_requests: u64,
    /// Different content under one number, or a lane that does not exist: one client state is in use
    /// twice.
    pub misuses: u64,
    /// Calls refused with a verdict, for any reason: unknown, of another signature, undecodable, too
    /// late, too many. One-way calls, which nobody is told of, are not among them.
    pub refusals: u64,
    /// One-way calls admitted; they are in `calls` too.
    pub oneway_calls: u64,
    /// One-way calls that did not run, for the reasons that others are refused for.
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
    /// Sessions that expired, because nothing was heard of their clients for a lease.
    pub sessions_expired: u64,
    /// Calls that wait for a worker now.
    pub queued: usize,
    /// Calls now whose handlers run or will answer later.
    pub running: usize,
    /// Those of them that wait for an answer without a worker: futures that wait to be woken or
    /// polled, and owed replies.
    pub suspended: usize,
    /// Bytes of stored replies now, and what is booked for the replies of calls that have not ended.
    pub reply_bytes: usize,
    /// System calls to send that failed, other than for want of room. Most are late reports about some
    /// earlier datagram, and the one that met them is tried again.
    pub send_errors: u64,
    /// System calls to receive that failed; they are late reports as well.
    pub receive_errors: u64,
    /// Datagrams that the system would not take: too large for the path, stopped by a filter, no route,
    /// or no room for too long. They are in `datagrams_sent` too.
    pub datagrams_unsent: u64,
    /// The receive buffer that the system granted, in bytes as the configuration asks for them; 0 if it
    /// does not say, and in the simulator. Large messages are sent no faster than about half of it per
    /// round trip. Where it is less than was asked for, the limit of the system is lower
    /// (`net.core.rmem_max` on Linux).
    pub receive_buffer: usize,
}
