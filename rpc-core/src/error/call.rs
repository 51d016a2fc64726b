//! What a caller is told when a call fails.

use core::fmt;
use core::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::marshal::{DecodeError, EncodeError, Unmarshal, from_message};

/// What is known about whether a failed call ran.
///
/// The three values are complete for ever, so a `match` needs no wildcard.
///
/// | | it may be submitted again | |
/// |---|---|---|
/// | `NotExecuted` | always | nothing has happened, and nothing will |
/// | `Executed` | if running it twice does no harm | its effects are there; its result is lost |
/// | `Unknown` | as `Executed` | ask first: [`CallError::settle`] |
///
/// ```
/// use farcall::{CallError, Outcome};
///
/// /// Makes a payment, and never makes it twice.
/// fn pay(mut call: impl FnMut() -> Result<u64, CallError>) -> Result<u64, CallError> {
///     for _ in 0..3 {
///         match call() {
///             Err(error) if error.outcome() == Outcome::NotExecuted => continue,
///             result => return result,
///         }
///     }
///     call()
/// }
/// # assert_eq!(pay(|| Ok(1)).unwrap(), 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The handler did not run and never will, not even later: it is safe to submit the call again.
    NotExecuted,
    /// The handler was entered exactly once. It may still be running, and its result could not be
    /// delivered.
    Executed,
    /// The handler ran once or not at all, and nobody can tell the caller which. Until the server
    /// has been asked (see [`CallError::settle`]) the one run may still begin.
    Unknown,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotExecuted => "the call did not run and never will",
            Self::Executed => "the call ran once",
            Self::Unknown => "the call ran once or not at all",
        })
    }
}

/// Why a call failed. [`CallError::outcome`] says whether it ran, whatever the reason.
///
/// It displays as a sentence for people, with what can be done about it. More reasons may be added, so a
/// `match` needs a wildcard.
///
/// ```
/// use farcall::{CallErrorKind, Loopback, Stub, rpc_interface};
/// use std::time::Duration;
///
/// #[rpc_interface]
/// pub trait Clock {
///     fn hour(&self) -> u8;
/// }
///
/// let clock = ClockClient::on(&Loopback::new(), "nobody")?.with_deadline(Duration::from_millis(20));
/// let error = clock.hour().unwrap_err();
/// match error.kind() {
///     CallErrorKind::NoServer { tried } => println!("nobody is at {tried:?}"),
///     CallErrorKind::Busy { retry_after } => println!("later: in {retry_after:?}"),
///     CallErrorKind::SignatureMismatch { client, server } => println!("{client} / {server}"),
///     other => println!("{other}"),
/// }
/// # Ok::<(), farcall::ConnectError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallErrorKind {
    /// The call's deadline passed first.
    DeadlineExceeded {
        /// How long the caller was prepared to wait.
        deadline: Duration,
        /// Whether that is what was left to the call that the caller, a handler, was answering, and not
        /// a deadline of this call's own; see [`Context::scope`](crate::Context::scope).
        inherited: bool,
    },
    /// The caller cancelled the call.
    Cancelled,
    /// No server answered the handshake.
    NoServer {
        /// Every address that was tried.
        tried: Vec<SocketAddr>,
    },
    /// The server answered before and has been silent since, probes included.
    Unreachable {
        /// How long nothing was heard from it.
        silent: Duration,
    },
    /// The server forgot the session of this call: it was restarted, or the session expired.
    ServerRestarted,
    /// The server refused the call because it has too much to do.
    Busy {
        /// When the server suggests another try.
        retry_after: Duration,
    },
    /// The server admits no more sessions.
    ServerFull,
    /// The server is shutting down and admits no new calls.
    ShuttingDown,
    /// The server does not serve this interface.
    UnknownInterface,
    /// The server's version of the interface has no such method.
    UnknownMethod,
    /// Client and server disagree about the method's arguments or result.
    SignatureMismatch {
        /// The signature that the client was compiled with.
        client: String,
        /// The signature that the server was compiled with.
        server: String,
    },
    /// The server could not decode the arguments.
    UndecodableArguments {
        /// The argument and what was wrong with it, as the server says.
        detail: String,
    },
    /// The arguments could not be encoded. Nothing was sent.
    ///
    /// Only types with a [`Marshal`](crate::marshal::Marshal) of their own can refuse that, and types
    /// that are sent through serde.
    UnencodableArguments(EncodeError),
    /// The handler ran and its result could not be encoded.
    UnencodableReply {
        /// What the server says about the reason.
        detail: String,
    },
    /// The result came back and could not be decoded.
    UndecodableReply(DecodeError),
    /// The encoded arguments are larger than a request may be. Nothing was sent.
    RequestTooLarge {
        /// Encoded size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
        /// What sets it.
        setting: RequestLimit,
    },
    /// The arguments did not arrive whole at the server, which has given the call up.
    ArgumentsLost {
        /// What the server says about the reason.
        detail: String,
    },
    /// The result did not arrive as it was sent: its checksum is wrong.
    CorruptReply,
    /// The encoded result is larger than a reply may be.
    ReplyTooLarge {
        /// What the server says about size and limit.
        detail: String,
    },
    /// The handler panicked.
    HandlerPanicked {
        /// The panic's message.
        message: String,
    },
    /// The handler ended without answering.
    ReplyDropped,
    /// The server gave the call up before its handler was entered: the executor that its future was
    /// handed to did not take it, or dropped it before polling it.
    Abandoned,
    /// The call ran, and its reply was not kept because it is idempotent.
    ReplyNotKept,
    /// Client and server speak different versions of the protocol.
    VersionMismatch {
        /// The version this library speaks.
        ours: u8,
        /// The version the server speaks.
        theirs: u8,
    },
    /// The server saw another call under the number of this one: one client state is in use twice.
    Misuse,
    /// The call was made from inside a handler to the handler's own server, all of whose workers are
    /// busy: waiting would never end.
    WouldDeadlock,
    /// The client was closed, or its event loop ended.
    Closed,
    /// The client was carried into a forked process, where its session cannot be used.
    Forked,
}

/// Keeps the record of a call whose outcome was unknown, so that it can be settled later.
pub(crate) trait Settle: Send + Sync {
    fn settle(&self, timeout: Duration) -> Settlement;
}

/// What is known of a call after its error was reported.
#[derive(Clone, Debug)]
pub enum Settlement {
    /// Nothing new.
    Open,
    /// It did not run and never will.
    NotExecuted,
    /// It was entered.
    Executed,
    /// It ran, and this is its encoded reply.
    Replied(bytes::Bytes),
}

/// A failed call: what happened, to which call, and whether it may have run.
///
/// One pointer wide, so that `Result<i32, CallError>` stays small. It is a value: it can be cloned, sent
/// to other threads, boxed, and kept for as long as one likes. It displays as a sentence that names the
/// interface and the method, the reason and the outcome:
///
/// ```
/// use farcall::{Loopback, Server, rpc_interface};
///
/// #[rpc_interface]
/// pub trait Clock {
///     fn hour(&self) -> u8;
/// }
///
/// let net = Loopback::new();
/// let server = Server::on(&net, "empty")?.spawn()?;
/// let error = ClockClient::on(&net, "empty")?.hour().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "Clock.hour: the server does not serve this interface; the call did not run and never will"
/// );
/// assert_eq!((error.interface(), error.method()), ("Clock", "hour"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// What a handler returns as an `Err` of its own is no such error: it arrives as the reply.
///
/// ```
/// use farcall_core::{CallError, Outcome};
///
/// fn may_submit_again(error: &CallError) -> bool {
///     match error.outcome() {
///         Outcome::NotExecuted => true,
///         Outcome::Executed | Outcome::Unknown => false,
///     }
/// }
/// ```
#[derive(Clone)]
pub struct CallError(Box<Inner>);

#[derive(Clone)]
struct Inner {
    outcome: Outcome,
    kind: CallErrorKind,
    interface: &'static str,
    method: &'static str,
    settle: Option<Arc<dyn Settle>>,
}

impl CallError {
    pub(crate) fn new(
        outcome: Outcome,
        kind: CallErrorKind,
        interface: &'static str,
        method: &'static str,
        settle: Option<Arc<dyn Settle>>,
    ) -> Self {
        Self(Box::new(Inner { outcome, kind, interface, method, settle }))
    }

    /// Whether the call may have run, as far as was known when this error was made.
    pub fn outcome(&self) -> Outcome {
        self.0.outcome
    }

    /// Why it failed.
    pub fn kind(&self) -> &CallErrorKind {
        &self.0.kind
    }

    /// The name of the interface.
    pub fn interface(&self) -> &'static str {
        self.0.interface
    }

    /// The name of the method.
    pub fn method(&self) -> &'static str {
        self.0.method
    }

    /// Asks the server what became of a call whose outcome is unknown, for at most `timeout`.
    ///
    /// Returns at once if the outcome is known already. [`Outcome::Unknown`] means that the server
    /// has still not answered, or that nobody can know any more because it was restarted.
    ///
    /// ```
    /// # use farcall::{CallError, Outcome};
    /// # use std::time::Duration;
    /// fn may_submit_again(error: &CallError) -> bool {
    ///     // Where it is unknown, the server is asked, once it can be reached again.
    ///     error.settle(Duration::from_secs(10)) == Outcome::NotExecuted
    /// }
    /// ```
    pub fn settle(&self, timeout: Duration) -> Outcome {
        match self.settlement(timeout) {
            Settlement::Open => self.0.outcome,
            Settlement::NotExecuted => Outcome::NotExecuted,
            Settlement::Executed | Settlement::Replied(_) => Outcome::Executed,
        }
    }

    /// Like [`settle`](Self::settle), and gives the call's result if the server still had it.
    ///
    /// `None` means that there is no result to be had, or that it does not decode as a `T`.
    pub fn settled_reply<T>(&self, timeout: Duration) -> Option<T>
    where
        T: for<'a> Unmarshal<'a>,
    {
        let Settlement::Replied(reply) = self.settlement(timeout) else { return None };
        from_message(&reply).ok()
    }

    fn settlement(&self, timeout: Duration) -> Settlement {
        match &self.0.settle {
            Some(settle) if self.0.outcome == Outcome::Unknown => settle.settle(timeout),
            _ => Settlement::Open,
        }
    }
}

impl fmt::Debug for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallError")
            .field("outcome", &self.0.outcome)
            .field("kind", &self.0.kind)
            .field("call", &format_args!("{}.{}", self.0.interface, self.0.method))
            .finish()
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { outcome, kind, interface, method, .. } = &*self.0;
        write!(f, "{interface}.{method}: {kind}; {outcome}")
    }
}

impl std::error::Error for CallError {}

impl fmt::Display for CallErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeadlineExceeded { deadline, inherited } => {
                fmt_of_deadline(*deadline, *inherited, f)
            }
            Self::Cancelled => f.write_str("the caller cancelled it"),
            Self::NoServer { tried } => {
                f.write_str("no server answered")?;
                for (index, address) in tried.iter().enumerate() {
                    write!(f, "{}{address}", if index == 0 { " at " } else { ", " })?;
                }
                f.write_str("; is it running, and does this address reach it?")
            }
            Self::Unreachable { silent } => {
                write!(f, "the server has been silent for {silent:.1?}, probes included")
            }
            Self::ServerRestarted => f.write_str(
                "the server no longer knows this session: it was restarted or the session expired",
            ),
            Self::Busy { retry_after } => {
                write!(f, "the server is busy and suggests another try in {retry_after:?}")
            }
            Self::ServerFull => f.write_str("the server admits no more sessions"),
            Self::ShuttingDown => f.write_str("the server is shutting down"),
            Self::UnknownInterface => f.write_str("the server does not serve this interface"),
            Self::UnknownMethod => {
                f.write_str("the server's version of the interface has no such method")
            }
            Self::SignatureMismatch { client, server } => write!(
                f,
                "client and server were built from different signatures: the client's is \
                 `{client}`, the server's is `{server}`"
            ),
            Self::UndecodableArguments { .. }
            | Self::UndecodableReply(_)
            | Self::UnencodableArguments(_)
            | Self::UnencodableReply { .. }
            | Self::RequestTooLarge { .. }
            | Self::ArgumentsLost { .. }
            | Self::CorruptReply
            | Self::ReplyTooLarge { .. } => self.fmt_of_messages(f),
            Self::HandlerPanicked { message } => write!(f, "the handler panicked: {message}"),
            Self::ReplyDropped => f.write_str("the handler ended without answering"),
            Self::Abandoned => f.write_str(
                "the server gave it up before its handler was entered; does the executor of the \
                 server's futures still run?",
            ),
            Self::ReplyNotKept => {
                f.write_str("its result was lost on the way and is not kept for idempotent calls")
            }
            Self::VersionMismatch { ours, theirs } => write!(
                f,
                "the server speaks version {theirs} of the protocol and this client version \
                 {ours}; build both with the same release of farcall"
            ),
            Self::Misuse => f.write_str(
                "the server saw another call under this call's number; was the process copied?",
            ),
            Self::WouldDeadlock => f.write_str(
                "it was made from a handler to the handler's own server, whose workers are all \
                 busy; give the server more workers, or do not wait inside the handler",
            ),
            Self::Closed => f.write_str("the client was closed"),
            Self::Forked => {
                f.write_str("a client cannot be used in a forked process; connect again")
            }
        }
    }
}

fn fmt_of_deadline(
    deadline: Duration,
    is_inherited: bool,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    match (deadline, is_inherited) {
        (deadline, false) => write!(f, "no result within the deadline of {deadline:?}"),
        (Duration::ZERO, true) => f.write_str(
            "it was made while answering another call, whose deadline had passed: nobody waits \
             for it any more",
        ),
        (deadline, true) => write!(
            f,
            "no result within {deadline:.1?}, which was all the time left to the call that was \
             being answered when it was made"
        ),
    }
}

/// What limits the size of a call's arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestLimit {
    /// `max_request` of the method.
    Method,
    /// `maximum_request` of the client.
    Client,
    /// `max_request` of the method or `maximum_request`, at the server.
    Server,
    /// One-way calls are never larger than a datagram of `datagram_size` bytes.
    Datagram,
}

impl fmt::Display for RequestLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Method => "`max_request` of the method",
            Self::Client => "`maximum_request` of the client",
            Self::Server => "`max_request` of the method or `maximum_request`, at the server",
            Self::Datagram => "`datagram_size`, within which a one-way call has to fit",
        })
    }
}

impl CallErrorKind {
    /// The text of the kinds that are about the bytes of a message.
    fn fmt_of_messages(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UndecodableArguments { detail } => {
                write!(f, "the server could not decode the arguments: {detail}")
            }
            Self::UnencodableArguments(error) => {
                write!(f, "the arguments could not be encoded: {error}")
            }
            Self::UnencodableReply { detail } => {
                write!(f, "the result could not be encoded: {detail}")
            }
            Self::UndecodableReply(error) => write!(f, "the result could not be decoded: {error}"),
            Self::RequestTooLarge { size, limit, setting } => write!(
                f,
                "the arguments take {size} bytes and a request may take {limit}; raise {setting}, or \
                 send less"
            ),
            Self::ArgumentsLost { detail } => {
                write!(f, "the arguments did not arrive whole: {detail}")
            }
            Self::CorruptReply => {
                write!(f, "the result was damaged on its way: its checksum is wrong")
            }
            Self::ReplyTooLarge { detail } => write!(f, "the result is too large: {detail}"),
            _ => Ok(()),
        }
    }
}
