//! Every bound and every duration of the system, in one place, checked before use.
//!
//! Both configurations are plain values with public fields. [`Default`] gives values that behave
//! well on a local network and are polite on the internet; `validate` is called by everything that
//! takes a configuration.

use core::fmt;
use core::time::Duration;

/// The smallest datagram every path is expected to carry (RFC 8899, section 5.1.2: `BASE_PLPMTU`).
pub const BASE_DATAGRAM_SIZE: usize = 1200;

/// The largest UDP payload over IPv4.
pub const LARGEST_DATAGRAM_SIZE: usize = 65_507;

/// The largest message that any setting allows, in bytes.
pub const LARGEST_MESSAGE_SIZE: usize = 1 << 30;

/// How large the messages of one method may be, where the method says so itself.
///
/// What it does not say is a setting of the endpoint: `maximum_request` and `maximum_reply`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageLimits {
    /// The most bytes of encoded arguments.
    pub request: Option<usize>,
    /// The most bytes of an encoded result.
    pub reply: Option<usize>,
}

/// How a client behaves.
///
/// ```
/// use std::time::Duration;
/// use farcall_core::ClientConfig;
///
/// let config = ClientConfig { deadline: Some(Duration::from_secs(3)), ..ClientConfig::default() };
/// assert!(config.validate().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ClientConfig {
    /// How long a call may take unless its method or its stub says otherwise. `None` waits for ever,
    /// as long as the server keeps answering. Default 30 s.
    pub deadline: Option<Duration>,
    /// How long a handshake is tried before the calls that wait for it fail with `NoServer`.
    /// Default 5 s.
    pub handshake_timeout: Duration,
    /// How long the first packet to a server waits for an answer, while nothing is known of the round
    /// trip; it goes out again after this time, once more after the same time, and then at intervals
    /// that double, up to eight times this. Default 250 ms: at 30 % loss in each direction a handshake
    /// then still succeeds within 5 s as a rule, with six packets (RFC 8085, section 3.1.3, finds one
    /// every 500 ms acceptable).
    pub handshake_interval: Duration,
    /// The time-out of a request before any round trip was measured. Default 200 ms.
    pub initial_timeout: Duration,
    /// The shortest retransmission time-out. Default 1 ms.
    pub minimum_timeout: Duration,
    /// The longest interval between two copies of a request. Default 10 s.
    pub maximum_timeout: Duration,
    /// How many retransmissions each new call pays for. Default 1.0.
    pub retransmissions_per_call: f32,
    /// How many retransmissions a second are allowed besides. Default 20.
    pub retransmissions_per_second: u32,
    /// The first interval between probes of a call that the server is working on; it grows by one
    /// half each time. Default 20 ms, never below the retransmission time-out.
    pub probe_interval: Duration,
    /// The longest interval between probes. Default 1 s.
    pub maximum_probe_interval: Duration,
    /// How long a server with open calls may be silent, probes included, before they end with
    /// `Unreachable`. Default 10 s.
    pub silence_limit: Duration,
    /// How long a client is idle before it acknowledges the last replies explicitly, so that the
    /// server can free them. Default 50 ms.
    pub acknowledgement_delay: Duration,
    /// The most calls that may be open or waiting for a lane; one more fails at once with `Busy`.
    /// Default 65,536.
    pub maximum_open_calls: usize,
    /// The largest encoded arguments of a call, in bytes, for methods that set no limit of their own.
    /// A server has its own limit as well. Default 64 MiB, at most 1 GiB.
    pub maximum_request: usize,
    /// The largest encoded result of a call, in bytes, for methods that set no limit of their own. The
    /// server is told. Default 64 MiB, at most 1 GiB.
    pub maximum_reply: usize,
    /// How many bytes of results that have not arrived whole are held. While there are more, only the
    /// oldest of those calls goes on. Default 256 MiB.
    pub maximum_assembly_bytes: usize,
    /// The largest datagram that is sent, in bytes, from 1,200 to 65,507. Default 1,200. One that is
    /// larger than the path carries is lost.
    pub datagram_size: usize,
    /// How large datagrams may become while messages larger than one are moved, in bytes, from 1,200 to
    /// 65,507. What the path carries is found out (RFC 8899). Default 65,507.
    pub largest_datagram: usize,
    /// How long the loop polls the socket before it sleeps, at most: to be woken takes longer than most answers
    /// on a local network. It polls only while datagrams have lately come within that time, and never on a
    /// machine with one processor or while other threads wait for calls of the same client. Zero never polls. Default 50 µs.
    pub spin: Duration,
    /// The receive buffer asked of the system, in bytes. Default 4 MiB.
    pub receive_buffer: usize,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            deadline: Some(Duration::from_secs(30)),
            handshake_timeout: Duration::from_secs(5),
            handshake_interval: Duration::from_millis(250),
            initial_timeout: Duration::from_millis(200),
            minimum_timeout: Duration::from_millis(1),
            maximum_timeout: Duration::from_secs(10),
            retransmissions_per_call: 1.0,
            retransmissions_per_second: 20,
            probe_interval: Duration::from_millis(20),
            maximum_probe_interval: Duration::from_secs(1),
            silence_limit: Duration::from_secs(10),
            acknowledgement_delay: Duration::from_millis(50),
            maximum_open_calls: 65_536,
            maximum_request: 64 << 20,
            maximum_reply: 64 << 20,
            maximum_assembly_bytes: 256 << 20,
            datagram_size: BASE_DATAGRAM_SIZE,
            largest_datagram: LARGEST_DATAGRAM_SIZE,
            spin: Duration::from_micros(50),
            receive_buffer: 4 << 20,
        }
    }
}

impl ClientConfig {
    /// Checks that the values make sense together.
    ///
    /// # Errors
    /// Names the first setting that does not, and why.
    pub fn validate(&self) -> Result<(), ConfigError> {
        positive("handshake_timeout", self.handshake_timeout)?;
        positive("handshake_interval", self.handshake_interval)?;
        positive("minimum_timeout", self.minimum_timeout)?;
        positive("probe_interval", self.probe_interval)?;
        positive("silence_limit", self.silence_limit)?;
        ordered("minimum_timeout", self.minimum_timeout, "initial_timeout", self.initial_timeout)?;
        ordered("initial_timeout", self.initial_timeout, "maximum_timeout", self.maximum_timeout)?;
        ordered(
            "probe_interval",
            self.probe_interval,
            "maximum_probe_interval",
            self.maximum_probe_interval,
        )?;
        bounded("handshake_interval", self.handshake_interval)?;
        bounded("maximum_timeout", self.maximum_timeout)?;
        bounded("maximum_probe_interval", self.maximum_probe_interval)?;
        bounded("acknowledgement_delay", self.acknowledgement_delay)?;
        if !(self.retransmissions_per_call >= 0.0 && self.retransmissions_per_call <= 100.0) {
            return Err(ConfigError::new("retransmissions_per_call", "must be from 0 to 100"));
        }
        if self.retransmissions_per_second == 0 {
            return Err(ConfigError::new(
                "retransmissions_per_second",
                "must be at least 1, or a lost request is never repeated",
            ));
        }
        if self.maximum_open_calls == 0 {
            return Err(ConfigError::new("maximum_open_calls", "must be at least 1"));
        }
        message_size("maximum_request", self.maximum_request)?;
        message_size("maximum_reply", self.maximum_reply)?;
        at_least_one("maximum_assembly_bytes", self.maximum_assembly_bytes)?;
        datagram_size("datagram_size", self.datagram_size)?;
        datagram_size("largest_datagram", self.largest_datagram)
    }
}

/// How a server behaves.
///
/// ```
/// use farcall_core::ServerConfig;
///
/// let config = ServerConfig { workers: 8, ..ServerConfig::default() };
/// assert!(config.validate().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ServerConfig {
    /// How many handlers may run at once, one more not counted: while as many run, calls of methods whose
    /// handlers are known to take less than `handler_threshold` are run one after the other by the thread that
    /// drives the loop, and overtake those that wait for a worker. Two more threads exist for that and for
    /// keeping the protocol going. Default: the number of processors, at least 4.
    pub workers: usize,
    /// How long a handler may run on the thread that drives the loop before another thread takes the
    /// loop over. Where no handler has run for so long lately, it may take up to eight times as long until
    /// that is noticed. Default 1 ms.
    pub handler_threshold: Duration,
    /// The most calls that may wait for a worker; one more is refused with `Busy`. Default 4,096.
    pub maximum_queued_calls: usize,
    /// A new call is refused with `Busy` while the oldest waiting call has waited this long.
    /// Default 5 s.
    pub maximum_queue_delay: Duration,
    /// The retry-after that goes with `Busy`. Default 50 ms.
    pub busy_retry_after: Duration,
    /// The most calls of one session that may wait for a worker, one-way calls included, for which no
    /// window is a limit; one more is refused with `Busy`, and a one-way call is dropped. Default 2,048, so
    /// that no client alone takes the room of all others.
    pub maximum_queued_per_session: usize,
    /// The most handlers of one session that may run at once. Default: no limit of its own.
    pub maximum_running_per_session: usize,
    /// The most calls that may wait for an answer without a worker: handlers that are futures and wait
    /// to be woken, and replies that are owed. While there are as many, no call is taken from the queue,
    /// so that new ones are soon refused with `Busy`. Handlers that run at that moment may exceed it, by
    /// the number of workers and one at most. Handlers that wait in this way for calls to their own server need
    /// this room for both. Default 65,536.
    pub maximum_suspended: usize,
    /// The most sessions. Default 16,384.
    pub maximum_sessions: usize,
    /// The most sessions of one source (an IPv4 address or an IPv6 /64); loopback addresses are
    /// exempt. Default 1,024.
    pub maximum_sessions_per_source: usize,
    /// New handshakes per second from one source; loopback addresses are exempt. In a batch of datagrams
    /// from many who have no session it is also how many of one source are answered, beyond the first few,
    /// and each port of a loopback address is a source of its own. Default 50, with bursts of twice as many.
    pub handshakes_per_second: u32,
    /// How many times a second one source is told that a session is not its own, or not here, when it uses
    /// one; each port of a loopback address is a source of its own. Default 20, with bursts of twice as
    /// many.
    pub hints_per_second: u32,
    /// How many calls a session may have open at once: its window of lanes, from 1 to 4,096.
    /// Default 128.
    pub window: u16,
    /// How long an idle session is kept. Default 5 min.
    pub lease: Duration,
    /// When a call has not finished within this time, the server says unasked that it is working.
    /// Clients wait this much longer than the round trip before they repeat a request, so it is part of
    /// what a lost datagram costs. Default 300 µs; a handler that holds the loop up is noticed after
    /// `handler_threshold`.
    pub working_delay: Duration,
    /// How long a cookie proves an address. Default 15 s.
    pub cookie_lifetime: Duration,
    /// The bytes of stored replies, over all sessions, beyond which new calls are refused. Each call
    /// books the `max_reply` of its method before it runs, or one datagram if the method has none; a
    /// larger result then takes what is left but for an eighth, and is an error for its caller if that is
    /// not enough. While an eighth is stored for a session, its calls of methods that gave such results wait.
    /// Default 256 MiB.
    pub maximum_reply_bytes: usize,
    /// The largest encoded arguments of a call, in bytes, for methods that set no limit of their own.
    /// Default 64 MiB, at most 1 GiB.
    pub maximum_request: usize,
    /// The largest encoded result of a call, in bytes, for methods that set no limit of their own. A
    /// client may take less. Default 64 MiB, at most 1 GiB.
    pub maximum_reply: usize,
    /// How many bytes of arguments larger than a datagram are held, over all sessions, until their calls
    /// run. While there are more, new ones are refused with `Busy` and only the oldest that is not whole
    /// goes on, so it may be exceeded by one message. Default 256 MiB.
    pub maximum_assembly_bytes: usize,
    /// The same for one session, apart from the first 256 KiB of each call's. While there are more, only
    /// its oldest goes on. Default 128 MiB.
    pub maximum_assembly_bytes_per_session: usize,
    /// How long the arguments of a call may take to arrive, counted from their first part, and longer only
    /// while those of its session arrive at 16 KiB a second or more. After as long a silence their memory
    /// is free. Default 10 s.
    pub assembly_patience: Duration,
    /// How long a server that shuts down waits for the acknowledgement of its last replies. While large
    /// ones move it waits until its grace time is over, and for a minute at most. Default 500 ms.
    pub linger: Duration,
    /// The largest datagram that is sent, in bytes, from 1,200 to 65,507. Default 1,200. One that is
    /// larger than the path carries is lost.
    pub datagram_size: usize,
    /// How large datagrams may become while messages larger than one are moved, in bytes, from 1,200 to
    /// 65,507. What the path carries is found out (RFC 8899). Default 65,507.
    pub largest_datagram: usize,
    /// How long the loop polls the socket before it sleeps, at most: to be woken takes longer than most answers
    /// on a local network. It polls only while datagrams have lately come within that time, and never on a
    /// machine with one processor or while a handler runs. Zero never polls. Default 50 µs.
    pub spin: Duration,
    /// The receive buffer asked of the system, in bytes. Default 4 MiB.
    pub receive_buffer: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(4, |count| count.get().max(4)),
            handler_threshold: Duration::from_millis(1),
            maximum_queued_calls: 4096,
            maximum_queue_delay: Duration::from_secs(5),
            busy_retry_after: Duration::from_millis(50),
            maximum_queued_per_session: 2048,
            maximum_running_per_session: usize::MAX,
            maximum_suspended: 65_536,
            maximum_sessions: 16_384,
            maximum_sessions_per_source: 1024,
            handshakes_per_second: 50,
            hints_per_second: 20,
            window: 128,
            lease: Duration::from_secs(300),
            working_delay: Duration::from_micros(300),
            cookie_lifetime: Duration::from_secs(15),
            maximum_reply_bytes: 256 << 20,
            maximum_request: 64 << 20,
            maximum_reply: 64 << 20,
            maximum_assembly_bytes: 256 << 20,
            maximum_assembly_bytes_per_session: 128 << 20,
            assembly_patience: Duration::from_secs(10),
            linger: Duration::from_millis(500),
            datagram_size: BASE_DATAGRAM_SIZE,
            largest_datagram: LARGEST_DATAGRAM_SIZE,
            spin: Duration::from_micros(50),
            receive_buffer: 4 << 20,
        }
    }
}

impl ServerConfig {
    /// Checks that the values make sense together.
    ///
    /// # Errors
    /// Names the first setting that does not, and why.
    pub fn validate(&self) -> Result<(), ConfigError> {
        positive("handler_threshold", self.handler_threshold)?;
        positive("lease", self.lease)?;
        positive("cookie_lifetime", self.cookie_lifetime)?;
        bounded("cookie_lifetime", self.cookie_lifetime)?;
        at_least_one("workers", self.workers)?;
        at_least_one("maximum_queued_calls", self.maximum_queued_calls)?;
        at_least_one("maximum_queued_per_session", self.maximum_queued_per_session)?;
        at_least_one("maximum_running_per_session", self.maximum_running_per_session)?;
        at_least_one("maximum_suspended", self.maximum_suspended)?;
        at_least_one("maximum_sessions", self.maximum_sessions)?;
        at_least_one("maximum_sessions_per_source", self.maximum_sessions_per_source)?;
        at_least_one("handshakes_per_second", self.handshakes_per_second as usize)?;
        at_least_one("hints_per_second", self.hints_per_second as usize)?;
        if self.window == 0 || self.window > 4096 {
            return Err(ConfigError::new("window", "must be from 1 to 4096"));
        }
        if self.maximum_reply_bytes < self.datagram_size {
            return Err(ConfigError::new(
                "maximum_reply_bytes",
                "must hold at least one datagram, or every call is refused",
            ));
        }
        message_size("maximum_request", self.maximum_request)?;
        message_size("maximum_reply", self.maximum_reply)?;
        at_least_one("maximum_assembly_bytes", self.maximum_assembly_bytes)?;
        at_least_one(
            "maximum_assembly_bytes_per_session",
            self.maximum_assembly_bytes_per_session,
        )?;
        positive("assembly_patience", self.assembly_patience)?;
        datagram_size("datagram_size", self.datagram_size)?;
        datagram_size("largest_datagram", self.largest_datagram)
    }
}

/// A setting that does not make sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    setting: &'static str,
    rule: &'static str,
}

impl ConfigError {
    pub(crate) const fn new(setting: &'static str, rule: &'static str) -> Self {
        Self { setting, rule }
    }

    /// The name of the setting.
    pub fn setting(&self) -> &'static str {
        self.setting
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the setting `{}` {}", self.setting, self.rule)
    }
}

impl std::error::Error for ConfigError {}

fn positive(setting: &'static str, value: Duration) -> Result<(), ConfigError> {
    if value.is_zero() {
        return Err(ConfigError::new(setting, "must be longer than zero"));
    }
    Ok(())
}

/// For durations that are multiplied: without a bound that could overflow.
fn bounded(setting: &'static str, value: Duration) -> Result<(), ConfigError> {
    if value > Duration::from_secs(24 * 60 * 60) {
        return Err(ConfigError::new(setting, "must be no longer than a day"));
    }
    Ok(())
}

fn at_least_one(setting: &'static str, value: usize) -> Result<(), ConfigError> {
    if value == 0 {
        return Err(ConfigError::new(setting, "must be at least 1"));
    }
    Ok(())
}

fn ordered(
    _smaller: &'static str,
    small: Duration,
    larger: &'static str,
    large: Duration,
) -> Result<(), ConfigError> {
    if small > large {
        return Err(ConfigError::new(larger, "is shorter than the setting it must not undercut"));
    }
    Ok(())
}

fn datagram_size(setting: &'static str, size: usize) -> Result<(), ConfigError> {
    if !(BASE_DATAGRAM_SIZE..=LARGEST_DATAGRAM_SIZE).contains(&size) {
        return Err(ConfigError::new(setting, "must be from 1200 to 65507"));
    }
    Ok(())
}

fn message_size(setting: &'static str, size: usize) -> Result<(), ConfigError> {
    if size == 0 || size > LARGEST_MESSAGE_SIZE {
        return Err(ConfigError::new(setting, "must be from 1 byte to 1 GiB"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_that_are_multiplied_are_bounded() {
        let default = ClientConfig::default;
        for config in [
            ClientConfig { handshake_interval: Duration::MAX, ..default() },
            ClientConfig { maximum_timeout: Duration::MAX, ..default() },
            ClientConfig { maximum_probe_interval: Duration::MAX, ..default() },
            ClientConfig { acknowledgement_delay: Duration::MAX, ..default() },
        ] {
            assert!(config.validate().is_err(), "{config:?}");
        }
        // These are only compared or added, and "for ever" makes sense.
        let config = ClientConfig {
            deadline: Some(Duration::MAX),
            silence_limit: Duration::MAX,
            handshake_timeout: Duration::MAX,
            ..default()
        };
        assert_eq!(config.validate(), Ok(()));
        let default = ServerConfig::default;
        let config = ServerConfig { cookie_lifetime: Duration::MAX, ..default() };
        assert!(config.validate().is_err());
        let config = ServerConfig { lease: Duration::MAX, ..default() };
        assert_eq!(config.validate(), Ok(()));
    }
}
