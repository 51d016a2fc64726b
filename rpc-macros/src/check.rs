//! What an interface may contain: one function for each rule, over the model only.
//!
//! A rule reports at the tokens that are wrong and says the way out. All rules run on every method,
//! so that all mistakes of a trait are seen at once; a method with a mistake is marked, and no code
//! is generated for it, or the mistake would be reported a second time by rustc.

mod answers;
mod options;
mod types;

use std::collections::BTreeSet;

use quote::{ToTokens, quote};
use syn::{GenericParam, Type};

use crate::diagnostics::Diagnostics;
use crate::model::{Answer, Interface, Method, OtherItem, Pattern, Receiver};
use types::shown;
pub(crate) use types::unsendable;

/// Applies every rule and marks what is not sound.
pub(crate) fn interface(interface: &mut Interface, diagnostics: &mut Diagnostics) {
    let rules =
        [marks_are_on_methods, trait_is_plain, trait_has_no_parameters, trait_holds_methods_only];
    for rule in rules {
        rule(interface, diagnostics);
    }
    // Associated items concern the whole trait, but code for its methods still compiles.
    interface.sound = interface.qualifiers.is_empty() && interface.generics.params.is_empty();

    let client_impl = interface.client_impl.is_some();
    for method in &mut interface.methods {
        let before = diagnostics.mark();
        for rule in METHOD_RULES {
            rule(method, diagnostics);
        }
        if client_impl {
            client_can_implement(method, diagnostics);
        }
        method.sound &= diagnostics.mark() == before && !is_rejected_by_rustc(method);
    }
    names_are_distinct(interface);
    ids_are_distinct(interface, diagnostics);
}

const METHOD_RULES: [fn(&Method, &mut Diagnostics); 22] = [
    marks_are_in_place,
    marks_are_unconditional,
    method_is_plain,
    method_is_not_generic,
    receiver_is_shared,
    context_comes_first,
    context_is_a_reference,
    arguments_have_names,
    arguments_are_unconditional,
    arguments_are_not_mutable,
    arguments_are_concrete,
    arguments_outlive_the_call_only,
    lifetimes_end_with_the_call,
    types_can_be_sent,
    types_do_not_name_self,
    answers::reply_is_concrete,
    answers::reply_is_owned,
    answers::oneway_has_no_reply,
    options::oneway_stands_alone,
    options::single_datagram_is_limit_enough,
    answers::future_is_complete,
    answers::later_is_the_whole_answer,
];

// Rules for the trait.

fn marks_are_on_methods(interface: &Interface, diagnostics: &mut Diagnostics) {
    for mark in &interface.misplaced {
        diagnostics.report(&mark.attribute, mark.message);
    }
}

fn trait_is_plain(interface: &Interface, diagnostics: &mut Diagnostics) {
    for qualifier in &interface.qualifiers {
        let message = format!("remove `{}` from `{}`", qualifier.name, interface.ident);
        diagnostics.report(&qualifier.tokens, message);
    }
}

fn trait_has_no_parameters(interface: &Interface, diagnostics: &mut Diagnostics) {
    let params = &interface.generics.params;
    let kind = match params.first() {
        None => return,
        Some(GenericParam::Lifetime(_)) => "lifetime",
        Some(GenericParam::Type(_)) => "type",
        Some(GenericParam::Const(_)) => "const",
    };
    let name = &interface.ident;
    let way_out = match kind {
        "lifetime" => "put the lifetime on the methods",
        _ => "declare one interface for each type",
    };
    diagnostics.report(params, format!("`{name}` has {kind} parameters: {way_out}"));
}

fn trait_holds_methods_only(interface: &Interface, diagnostics: &mut Diagnostics) {
    for item in &interface.others {
        match item {
            OtherItem::Type { ident, tokens } => {
                let message = "an interface holds methods only: name a concrete type";
                diagnostics.report(tokens, format!("{message} instead of `{ident}`"));
            }
            OtherItem::Const { ident } => diagnostics.report(
                ident,
                format!("an interface holds methods only: move `{ident}` out of the trait"),
            ),
            OtherItem::Unknown { tokens } => diagnostics
                .report(tokens, "an interface holds methods only, and each must be written out"),
        }
    }
}

/// Two methods of one name are an error of rustc, unless a `cfg` leaves one of them out.
fn names_are_distinct(interface: &mut Interface) {
    let mut seen = BTreeSet::new();
    for method in &mut interface.methods {
        if method.attributes.cfg.is_empty() && !seen.insert(method.wire_name.clone()) {
            method.sound = false;
        }
    }
}

fn ids_are_distinct(interface: &mut Interface, diagnostics: &mut Diagnostics) {
    for second in 1..interface.methods.len() {
        let (before, rest) = interface.methods.split_at_mut(second);
        let second = &mut rest[0];
        // Methods of one name are alternatives of which a `cfg` selects one.
        let first = before
            .iter()
            .find(|first| first.id.value == second.id.value && first.wire_name != second.wire_name);
        let Some(first) = first else { continue };
        let (a, b) = (&first.id.origin, &second.id.origin);
        let message = format!(
            "`{}` and `{}` have the same id; give one `#[rpc(id = N)]`",
            first.wire_name, second.wire_name
        );
        // One message over both places: stable Rust cannot point at two.
        diagnostics.report(quote!(#a #b), message);
        second.sound = false;
    }
}

// Rules for one method.

fn marks_are_unconditional(method: &Method, diagnostics: &mut Diagnostics) {
    for mark in &method.conditional_marks {
        let direct = mark.direct;
        let message =
            format!("write `{direct}` directly; the wire contract cannot depend on cfg_attr");
        diagnostics.report(&mark.attribute, message);
    }
}

fn marks_are_in_place(method: &Method, diagnostics: &mut Diagnostics) {
    for mark in &method.misplaced {
        diagnostics.report(&mark.attribute, mark.message);
    }
}

fn method_is_plain(method: &Method, diagnostics: &mut Diagnostics) {
    // A `where` clause on a generic method goes together with its parameters.
    let is_generic = has_value_parameters(method);
    for qualifier in &method.qualifiers {
        let name = qualifier.name;
        let is_clause = name.starts_with("the ");
        if is_clause && is_generic {
            continue;
        }
        let what = if is_clause { name.to_owned() } else { format!("`{name}`") };
        diagnostics.report(&qualifier.tokens, format!("remove {what} from `{}`", method.ident));
    }
}

fn method_is_not_generic(method: &Method, diagnostics: &mut Diagnostics) {
    if has_value_parameters(method) {
        diagnostics.report(&method.generics.params, generic_message(method));
    }
}

fn has_value_parameters(method: &Method) -> bool {
    method.generics.params.iter().any(|param| !matches!(param, GenericParam::Lifetime(_)))
}

fn generic_message(method: &Method) -> String {
    let name = &method.ident;
    format!("`{name}` is generic: both ends must agree on one encoding; name a concrete type")
}

fn receiver_is_shared(method: &Method, diagnostics: &mut Diagnostics) {
    let tokens = match &method.receiver {
        Receiver::Shared(Some(lifetime)) if lifetime.ident == "static" => {
            let name = &method.ident;
            let message =
                format!("`{name}` borrows its handler only during the call; remove `'static`");
            return diagnostics.report(lifetime, message);
        }
        Receiver::Shared(_) => return,
        Receiver::Other(tokens) => tokens.clone(),
        Receiver::Missing => method.ident.to_token_stream(),
    };
    let name = &method.ident;
    diagnostics.report(
        tokens,
        format!("`{name}` must take `&self`: handlers run concurrently; keep state behind a Mutex"),
    );
}

fn context_comes_first(method: &Method, diagnostics: &mut Diagnostics) {
    if let Some(context) = method.context.as_ref().filter(|context| !context.is_first) {
        let name = &method.ident;
        let message = format!("`{name}` takes one context, as the first argument after `&self`");
        diagnostics.report(&context.ty, message);
    }
}

fn context_is_a_reference(method: &Method, diagnostics: &mut Diagnostics) {
    let Some(context) = method.context.as_ref().filter(|context| context.is_first) else { return };
    if !matches!(&context.ty, Type::Reference(reference) if reference.mutability.is_none()) {
        let message = "a `#[ctx]` argument is a `&Context`; clone the context to keep it";
        diagnostics.report(&context.ty, message);
    }
}

fn client_can_implement(method: &Method, diagnostics: &mut Diagnostics) {
    let name = &method.ident;
    if let Some(context) = &method.context {
        let message =
            format!("`{name}` takes a context, which no client has; remove `client_impl`");
        diagnostics.report(&context.ty, message);
    }
    if let Answer::Later(later) = &method.answer {
        let message = format!(
            "`{name}` answers through an argument, which no client can; remove `client_impl`"
        );
        diagnostics.report(&later.ty, message);
    }
}

fn arguments_have_names(method: &Method, diagnostics: &mut Diagnostics) {
    for argument in &method.arguments {
        if let Pattern::Other(tokens) = &argument.pattern {
            diagnostics.report(tokens, format!("give this argument of `{}` a name", method.ident));
        }
    }
}

fn arguments_are_unconditional(method: &Method, diagnostics: &mut Diagnostics) {
    for cfg in &method.argument_conditions {
        let name = &method.ident;
        diagnostics.report(
            cfg,
            format!("this would change the encoding of `{name}`; put `cfg` on the whole method"),
        );
    }
}

fn arguments_are_not_mutable(method: &Method, diagnostics: &mut Diagnostics) {
    for argument in &method.arguments {
        let Some(found) = types::mutable_reference(&argument.ty) else { continue };
        let name = &method.ident;
        let what = match &argument.pattern {
            Pattern::Name(ident) => format!("`{ident}`"),
            Pattern::Other(_) => "an argument".to_owned(),
        };
        diagnostics.report(
            found,
            format!(
                "`{name}` takes {what} by `&mut`: nothing comes back through an argument; \
                 return the new value"
            ),
        );
    }
}

fn arguments_are_concrete(method: &Method, diagnostics: &mut Diagnostics) {
    for argument in &method.arguments {
        if let Some(found) = types::impl_trait(&argument.ty) {
            diagnostics.report(found, generic_message(method));
        }
    }
}

fn arguments_outlive_the_call_only(method: &Method, diagnostics: &mut Diagnostics) {
    for argument in &method.arguments {
        if let Some(found) = types::static_lifetime(&argument.ty) {
            let name = &method.ident;
            diagnostics.report(
                found,
                format!(
                    "an argument of `{name}` lives only during the call; remove `'static` or own \
                     the value"
                ),
            );
        }
    }
}

fn lifetimes_end_with_the_call(method: &Method, diagnostics: &mut Diagnostics) {
    let bounds = method.generics.lifetimes().flat_map(|param| &param.bounds);
    for bound in bounds.filter(|bound| bound.ident == "static") {
        let name = &method.ident;
        let message = format!("what `{name}` borrows lives only during the call; remove `'static`");
        diagnostics.report(bound, message);
    }
}

fn types_can_be_sent(method: &Method, diagnostics: &mut Diagnostics) {
    for ty in method.arguments.iter().map(|argument| &argument.ty).chain(method.reply()) {
        for (found, reason) in unsendable(ty) {
            diagnostics.report(found, reason);
        }
    }
    let slices = method.arguments.iter().map(|argument| (&argument.ty, "take"));
    for (ty, verb) in slices.chain(method.reply().map(|ty| (ty, "return"))) {
        let Type::Slice(slice) = ty else { continue };
        let shown_slice = shown(ty);
        let sized = match verb {
            "take" => format!("`&{shown_slice}`"),
            _ => types::owned(ty),
        };
        let message = format!("`{shown_slice}` has no size of its own: {verb} {sized}");
        diagnostics.report(slice, message);
    }
}

fn types_do_not_name_self(method: &Method, diagnostics: &mut Diagnostics) {
    // What looks like a first argument is the missing `&self`, which has been reported.
    let stray = usize::from(matches!(method.receiver, Receiver::Missing));
    let arguments =
        method.arguments.iter().enumerate().filter(|(index, argument)| {
            *index >= stray || types::self_type(&argument.ty).is_none()
        });
    for ty in arguments.map(|(_, argument)| &argument.ty).chain(method.reply()) {
        if let Some(found) = types::self_type(ty) {
            diagnostics.report(found, "`Self` is another type on each side; name the type");
        }
    }
}

/// Whether rustc refuses the declaration itself, so that copies of it would repeat its message.
fn is_rejected_by_rustc(method: &Method) -> bool {
    let mut seen = BTreeSet::new();
    method.arguments.iter().any(|argument| {
        let is_repeated = match &argument.pattern {
            Pattern::Name(ident) => !seen.insert(ident.to_string()),
            Pattern::Other(_) => false,
        };
        is_repeated || types::is_rejected_by_rustc(&argument.ty)
    }) || method.reply().is_some_and(types::is_rejected_by_rustc)
        || names_undeclared_lifetime(method)
}

/// Copies of the declaration would be without the lifetime as well.
fn names_undeclared_lifetime(method: &Method) -> bool {
    let declared: BTreeSet<_> =
        method.generics.lifetimes().map(|param| param.lifetime.ident.to_string()).collect();
    let context = method.context.as_ref().map(|context| &context.ty);
    let types = method.arguments.iter().map(|argument| &argument.ty).chain(context);
    let mut named: Vec<_> = types.flat_map(types::lifetimes).collect();
    if let Receiver::Shared(Some(lifetime)) = &method.receiver {
        named.push(lifetime.ident.clone());
    }
    named
        .iter()
        .any(|name| name != "_" && name != "static" && !declared.contains(&name.to_string()))
}

#[cfg(test)]
mod tests;
