//! Rules for options that contradict each other.

use crate::diagnostics::Diagnostics;
use crate::model::Method;

pub(super) fn oneway_stands_alone(method: &Method, diagnostics: &mut Diagnostics) {
    let options = &method.options;
    if options.oneway.is_none() {
        return;
    }
    let name = &method.ident;
    if let Some(mark) = &options.idempotent {
        let message = format!("`{name}` is oneway: it is sent once; remove `idempotent`");
        diagnostics.report(mark, message);
    }
    if let Some((mark, _)) = &options.deadline {
        let message = format!("`{name}` is oneway: nobody waits for it; remove `deadline`");
        diagnostics.report(mark, message);
    }
    if let Some((mark, _)) = &options.max_request {
        let message = format!("`{name}` is oneway: it is one datagram; remove `max_request`");
        diagnostics.report(mark, message);
    }
    if let Some((mark, _)) = &options.max_reply {
        let message = format!("`{name}` is oneway: nobody waits for its reply; remove `max_reply`");
        diagnostics.report(mark, message);
    }
}

pub(super) fn single_datagram_is_limit_enough(method: &Method, diagnostics: &mut Diagnostics) {
    let options = &method.options;
    // A oneway method has been told to drop the limits.
    if options.single_datagram.is_none() || options.oneway.is_some() {
        return;
    }
    let limits = [("max_request", &options.max_request), ("max_reply", &options.max_reply)];
    for (option, value) in limits {
        if let Some((mark, _)) = value {
            let message = format!(
                "`single_datagram` limits the messages of `{}` already; remove `{option}`",
                method.ident
            );
            diagnostics.report(mark, message);
        }
    }
}
