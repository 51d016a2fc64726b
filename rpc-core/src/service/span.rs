//! The span of a call on the server's side.

use tracing::field::{Empty, display};

use super::Interface;
use crate::context::Context;
use crate::endpoint::server::{Finished, Ready};

/// Begins the span of a call that is run next. Neither a lock nor the seat is held here, because a
/// subscriber is the user's code.
pub(super) fn begin(interface: &Interface, ready: &Ready) {
    let span = tracing::info_span!(
        target: "farcall::server",
        "call",
        interface = interface.name(),
        method = Empty,
        session = Empty,
        number = ready.identity.1,
        peer = Empty,
        outcome = Empty,
        error = Empty,
    );
    if span.is_disabled() {
        return;
    }
    let method = interface.methods().iter().find(|method| method.id() == ready.method);
    span.record("method", method.map_or("", |method| method.name()));
    span.record("session", display(format_args!("{:016x}", ready.identity.0)));
    if let Some(peer) = ready.context.peer() {
        span.record("peer", display(peer));
    }
    ready.context.set_span(span);
}

/// Ends it, with what the call came to. The first time counts.
pub(super) fn end(context: &Context, finished: &Finished) {
    let Some(span) = context.take_span() else { return };
    let (outcome, error) = match finished {
        Finished::Reply(_) => ("Replied", None),
        Finished::Nothing => ("Executed", None),
        Finished::Unencodable { .. } => ("Executed", Some("UnencodableReply")),
        Finished::Panicked { .. } => ("Executed", Some("HandlerPanicked")),
        Finished::Dropped if context.is_entered() => ("Executed", Some("ReplyDropped")),
        Finished::Dropped => ("NotExecuted", Some("Abandoned")),
        Finished::Undecodable { .. } => ("NotExecuted", Some("UndecodableArguments")),
        Finished::UnknownMethod => ("NotExecuted", Some("UnknownMethod")),
    };
    span.record("outcome", outcome);
    if let Some(error) = error {
        span.record("error", error);
    }
    match finished {
        Finished::Panicked { message: detail }
        | Finished::Unencodable { detail }
        | Finished::Undecodable { detail } => {
            tracing::debug!(target: "farcall::server", parent: &*span, %detail, "the call failed");
        }
        _ => {}
    }
}
