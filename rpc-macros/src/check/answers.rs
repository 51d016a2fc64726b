//! Rules for how a method answers.

use syn::Type;

use super::{generic_message, types};
use crate::diagnostics::Diagnostics;
use crate::model::{Answer, Future, FutureForm, Method};
use types::shown;

pub(super) fn reply_is_concrete(method: &Method, diagnostics: &mut Diagnostics) {
    let Some(ty) = method.reply() else { return };
    let name = &method.ident;
    if let Type::Never(never) = ty {
        diagnostics.report(never, format!("`{name}` never returns: there is no reply to send"));
    } else if let Some(found) = types::impl_trait(ty) {
        diagnostics.report(found, generic_message(method));
    }
}

pub(super) fn reply_is_owned(method: &Method, diagnostics: &mut Diagnostics) {
    let Some(ty) = method.reply() else { return };
    // What an opaque type captures is not the user's question.
    if types::impl_trait(ty).is_some() || !types::borrows(ty) {
        return;
    }
    let owned = types::owned(ty);
    let name = &method.ident;
    diagnostics.report(
        ty,
        format!("`{name}` returns a borrow, which cannot cross the network: return {owned}"),
    );
}

pub(super) fn oneway_has_no_reply(method: &Method, diagnostics: &mut Diagnostics) {
    if method.options.oneway.is_none() {
        return;
    }
    let name = &method.ident;
    match &method.answer {
        Answer::Later(later) => diagnostics.report(
            &later.argument,
            format!("`{name}` is oneway: nobody waits for its reply; remove this argument"),
        ),
        Answer::Returned(_) | Answer::Future(_) => {
            if let Some(ty) = method.reply().filter(|ty| !types::is_unit(ty)) {
                let way_out = match &method.answer {
                    Answer::Future(Future { form: FutureForm::Opaque { .. }, .. }) => {
                        "give `()`".to_owned()
                    }
                    _ => format!("remove `-> {}`", shown(ty)),
                };
                let message = format!("`{name}` is oneway: nobody waits for its reply; {way_out}");
                diagnostics.report(ty, message);
            }
        }
    }
}

pub(super) fn future_is_complete(method: &Method, diagnostics: &mut Diagnostics) {
    let Answer::Future(future) = &method.answer else { return };
    let name = &method.ident;
    let message = match future.form {
        FutureForm::Async { has_body: true } => {
            format!("`{name}` is async: move its default body to a free function")
        }
        FutureForm::Opaque { has_output: false, .. } => format!(
            "say what `{name}` replies: write `async fn`, or `impl Future<Output = T> + Send`"
        ),
        FutureForm::Opaque { is_send: false, .. } => format!(
            "the future of `{name}` moves between threads: write `async fn`, or add `+ Send`"
        ),
        FutureForm::Async { .. } | FutureForm::Opaque { .. } => return,
    };
    diagnostics.report(&future.mark, message);
}

pub(super) fn later_is_the_whole_answer(method: &Method, diagnostics: &mut Diagnostics) {
    let Answer::Later(later) = &method.answer else { return };
    // A oneway method has been told to drop the argument.
    if method.options.oneway.is_some() {
        return;
    }
    let name = &method.ident;
    if later.reply.is_none() {
        let message = "a `#[reply]` argument is a `Reply<T>`, by value";
        diagnostics.report(&later.ty, message);
    }
    for argument in &later.repeated {
        let message = format!("`{name}` answers once: mark one argument with `#[reply]`");
        diagnostics.report(argument, message);
    }
    if !later.is_last && later.repeated.is_empty() {
        let message = format!("`{name}` answers through its last argument: move this one there");
        diagnostics.report(&later.argument, message);
    }
    if let Some(returned) = &later.returned {
        let message = format!(
            "`{name}` answers through its `#[reply]` argument: remove `-> {}`, or the argument",
            shown(returned)
        );
        diagnostics.report(returned, message);
    }
    if let Some(token) = &later.asyncness {
        let message =
            format!("`{name}` answers later in any case: remove `async`, or return the reply");
        diagnostics.report(token, message);
    }
}
