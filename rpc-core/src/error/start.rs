//! What whoever starts a client or a server is told when that fails.

use core::fmt;
use core::time::Duration;
use std::io;
use std::net::SocketAddr;

use super::call::CallErrorKind;
use crate::config::ConfigError;

/// Why a client could not be made.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name could not be resolved.
    Resolve {
        /// What was to be resolved.
        name: String,
        /// The resolver's answer.
        source: io::Error,
    },
    /// The name stands for no address at all.
    NoAddress {
        /// What was resolved.
        name: String,
    },
    /// A socket could not be opened.
    Socket {
        /// The local address.
        local: SocketAddr,
        /// The system's answer.
        source: io::Error,
    },
    /// A background thread could not be started.
    Thread(io::Error),
    /// No server answered in the time given to [`Client::ready`](crate::Client::ready).
    NotReady {
        /// Every address that was tried.
        tried: Vec<SocketAddr>,
        /// How long was waited.
        waited: Duration,
        /// What the last server said, if any answered.
        reason: Option<CallErrorKind>,
    },
    /// The configuration contradicts itself.
    Config(ConfigError),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve { name, source } => write!(f, "cannot resolve `{name}`: {source}"),
            Self::NoAddress { name } => write!(f, "`{name}` stands for no address"),
            Self::Socket { local, source } => {
                write!(f, "cannot open a UDP socket on {local}: {source}")
            }
            Self::Thread(source) => write!(f, "cannot start a thread: {source}"),
            Self::NotReady { tried, waited, reason } => {
                write!(f, "no session within {waited:?}; tried")?;
                for address in tried {
                    write!(f, " {address}")?;
                }
                match reason {
                    Some(reason) => write!(f, "; {reason}"),
                    None => Ok(()),
                }
            }
            Self::Config(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Resolve { source, .. } | Self::Socket { source, .. } | Self::Thread(source) => {
                Some(source)
            }
            Self::Config(error) => Some(error),
            _ => None,
        }
    }
}

impl From<ConfigError> for ConnectError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<ConnectError> for io::Error {
    fn from(error: ConnectError) -> Self {
        Self::other(error)
    }
}

/// Why a server could not be started, or ended early.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServeError {
    /// The local address could not be resolved.
    Resolve {
        /// What was to be resolved.
        name: String,
        /// The resolver's answer.
        source: io::Error,
    },
    /// The local address could not be bound.
    Bind {
        /// The address.
        local: SocketAddr,
        /// The system's answer.
        source: io::Error,
    },
    /// The in-process network has a server of this name already.
    NameInUse {
        /// The name.
        name: String,
    },
    /// Two of the served interfaces have the same name.
    DuplicateInterface {
        /// The name.
        name: &'static str,
    },
    /// Two interfaces of different names have the same 32-bit id.
    InterfaceIdCollision {
        /// One name.
        first: &'static str,
        /// The other name.
        second: &'static str,
    },
    /// A thread could not be started.
    Thread(io::Error),
    /// The event loop failed.
    Loop(io::Error),
    /// The configuration contradicts itself.
    Config(ConfigError),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve { name, source } => write!(f, "cannot resolve `{name}`: {source}"),
            Self::Bind { local, source } if source.kind() == io::ErrorKind::AddrInUse => write!(
                f,
                "cannot bind {local}: another program uses this port; choose another port, or 0 \
                 for any free one"
            ),
            Self::Bind { local, source } => write!(f, "cannot bind {local}: {source}"),
            Self::NameInUse { name } => {
                write!(f, "the in-process network has a server called `{name}` already")
            }
            Self::DuplicateInterface { name } => write!(
                f,
                "the interface `{name}` is served twice; give one of them another name with \
                 `#[rpc_interface(name = \"..\")]`"
            ),
            Self::InterfaceIdCollision { first, second } => write!(
                f,
                "the interfaces `{first}` and `{second}` have the same id; give one of them another \
                 name with `#[rpc_interface(name = \"..\")]`"
            ),
            Self::Thread(source) => write!(f, "cannot start a thread: {source}"),
            Self::Loop(source) => write!(f, "the event loop failed: {source}"),
            Self::Config(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ServeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Resolve { source, .. }
            | Self::Bind { source, .. }
            | Self::Thread(source)
            | Self::Loop(source) => Some(source),
            Self::Config(error) => Some(error),
            _ => None,
        }
    }
}

impl From<ConfigError> for ServeError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<ServeError> for io::Error {
    fn from(error: ServeError) -> Self {
        Self::other(error)
    }
}
