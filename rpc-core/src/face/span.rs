//! The span of a call on the client's side. Without the feature `tracing` there is nothing of it.

#[cfg(not(feature = "tracing"))]
pub(super) use off::CallSpan;
#[cfg(feature = "tracing")]
pub(super) use on::CallSpan;

use crate::error::{CallErrorKind, Outcome};

/// How a call came to its end, as far as its handle is concerned.
#[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nobody is told"))]
pub(super) enum Ended<'e> {
    /// With a result.
    Replied,
    /// A one-way call was sent.
    Sent,
    /// It failed.
    Failed(Outcome, &'e CallErrorKind),
    /// It goes on without anybody waiting for it.
    Detached,
    /// It was dropped, and is cancelled.
    Dropped,
}

#[cfg(not(feature = "tracing"))]
mod off {
    use super::Ended;
    use crate::endpoint::client::CallKey;
    use crate::host::CallHost;
    use crate::service::{Interface, Method};

    /// Nothing.
    pub(in crate::face) struct CallSpan;

    impl CallSpan {
        pub(in crate::face) fn none() -> Self {
            Self
        }

        pub(in crate::face) fn begin(_: &Interface, _: &Method) -> Self {
            Self
        }

        pub(in crate::face) fn end(&mut self, _: &dyn CallHost, _: CallKey, _: Ended<'_>) {}
    }
}

#[cfg(feature = "tracing")]
mod on {
    use tracing::Span;
    use tracing::field::{Empty, display};

    use super::Ended;
    use crate::endpoint::client::{CallKey, SessionNews};
    use crate::error::CallErrorKind;
    use crate::host::CallHost;
    use crate::service::{Interface, Method};

    /// The span of a call, until it has ended.
    pub(in crate::face) struct CallSpan(Span);

    impl CallSpan {
        pub(in crate::face) fn none() -> Self {
            Self(Span::none())
        }

        /// It is not entered: the call is made in it, and nothing of the user's runs there.
        pub(in crate::face) fn begin(interface: &Interface, method: &Method) -> Self {
            Self(tracing::info_span!(
                target: "farcall::client",
                "call",
                interface = interface.name(),
                method = method.name(),
                session = Empty,
                number = Empty,
                peer = Empty,
                retransmissions = Empty,
                outcome = Empty,
                error = Empty,
            ))
        }

        /// Ends it. Where the call went is known only now, and the first time counts.
        pub(in crate::face) fn end(&mut self, host: &dyn CallHost, key: CallKey, ended: Ended<'_>) {
            let span = core::mem::replace(&mut self.0, Span::none());
            if span.is_disabled() {
                return;
            }
            let (trace, news) = host.trace(key);
            for news in news {
                report(&news);
            }
            if let Some(trace) = trace {
                span.record("session", display(format_args!("{:016x}", trace.session)));
                span.record("number", trace.number);
                span.record("peer", display(trace.server));
                span.record("retransmissions", trace.retransmissions);
            }
            let outcome = match ended {
                Ended::Replied => "Replied".to_owned(),
                Ended::Sent => "Sent".to_owned(),
                Ended::Detached => "Detached".to_owned(),
                Ended::Dropped => "Dropped".to_owned(),
                Ended::Failed(outcome, _) => format!("{outcome:?}"),
            };
            span.record("outcome", outcome.as_str());
            if let Ended::Failed(_, kind) = ended {
                span.record("error", name(kind).as_str());
                tracing::debug!(
                    target: "farcall::client",
                    parent: &span,
                    detail = %kind,
                    "the call failed"
                );
            }
        }
    }

    /// The reason without its details, for grouping.
    fn name(kind: &CallErrorKind) -> String {
        let mut name = format!("{kind:?}");
        name.truncate(name.find(|c: char| !c.is_alphanumeric()).unwrap_or(name.len()));
        name
    }

    fn report(news: &SessionNews) {
        match news {
            SessionNews::Handshake => {
                tracing::trace!(target: "farcall::client", "a handshake has begun");
            }
            SessionNews::Opened { session, server } => tracing::debug!(
                target: "farcall::client",
                session = %format_args!("{session:016x}"),
                peer = %server,
                "a session was opened"
            ),
            SessionNews::Resumed { session, server } => tracing::debug!(
                target: "farcall::client",
                session = %format_args!("{session:016x}"),
                peer = %server,
                "the session was resumed"
            ),
            SessionNews::Lost { session } => tracing::debug!(
                target: "farcall::client",
                session = %format_args!("{session:016x}"),
                "the server does not know the session any more"
            ),
        }
    }
}
