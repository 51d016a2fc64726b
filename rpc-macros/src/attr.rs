//! The grammar of the attributes: `#[rpc_interface(..)]` and `#[rpc(..)]`.
//!
//! Every option is a name or `name = value`. An unknown or malformed option is reported and
//! skipped, so that the others of the same list are still read.

mod size;

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Expr, ExprLit, Lit, Meta, Path, Token};

use crate::diagnostics::Diagnostics;
use crate::model::MethodOptions;

/// What `#[rpc_interface(..)]` says.
#[derive(Default)]
pub(crate) struct InterfaceOptions {
    /// The name the other end knows the interface by.
    pub(crate) name: Option<String>,
    /// The path of the facade crate.
    pub(crate) root: Option<Path>,
    /// The mark of `client_impl`.
    pub(crate) client_impl: Option<Path>,
}

/// Reads the arguments of `#[rpc_interface(..)]`.
pub(crate) fn interface_options(
    arguments: TokenStream,
    diagnostics: &mut Diagnostics,
) -> InterfaceOptions {
    let mut options = InterfaceOptions::default();
    for meta in option_list(arguments, INTERFACE_OPTIONS, diagnostics) {
        let path = meta.path().clone();
        let name = path.get_ident().map(ToString::to_string).unwrap_or_default();
        match name.as_str() {
            "name" => {
                let value = interface_name(&meta, diagnostics);
                set(&mut options.name, &path, value, diagnostics);
            }
            "crate" => {
                let value = crate_path(&meta, diagnostics);
                set(&mut options.root, &path, value, diagnostics);
            }
            "client_impl" => {
                let value = flag(meta, diagnostics);
                set(&mut options.client_impl, &path, value, diagnostics);
            }
            _ => diagnostics.report(&path, format!("unknown option: {INTERFACE_OPTIONS}")),
        }
    }
    options
}

const INTERFACE_OPTIONS: &str =
    "`rpc_interface` takes `name = \"..\"`, `crate = path` and `client_impl`";

/// Reads all `#[rpc(..)]` of one method.
pub(crate) fn method_options(
    attributes: &[Attribute],
    diagnostics: &mut Diagnostics,
) -> MethodOptions {
    let mut options = MethodOptions::default();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("rpc")) {
        match &attribute.meta {
            Meta::List(list) if !list.tokens.is_empty() => {
                for meta in option_list(list.tokens.clone(), METHOD_OPTIONS, diagnostics) {
                    method_option(meta, &mut options, diagnostics);
                }
            }
            other => {
                let message = format!("an option is missing: {METHOD_OPTIONS}");
                diagnostics.report(other, message);
            }
        }
    }
    options
}

const METHOD_OPTIONS: &str = "`rpc` takes `idempotent`, `oneway`, `single_datagram`, `deadline = \"30s\"`, \
     `max_request = N`, `max_reply = N` and `id = N`, separated by commas";

fn method_option(meta: Meta, options: &mut MethodOptions, diagnostics: &mut Diagnostics) {
    let path = meta.path().clone();
    let name = path.get_ident().map(ToString::to_string).unwrap_or_default();
    match name.as_str() {
        "idempotent" => {
            let value = flag(meta, diagnostics);
            set(&mut options.idempotent, &path, value, diagnostics);
        }
        "oneway" => {
            let value = flag(meta, diagnostics);
            set(&mut options.oneway, &path, value, diagnostics);
        }
        "single_datagram" => {
            let value = flag(meta, diagnostics);
            set(&mut options.single_datagram, &path, value, diagnostics);
        }
        "deadline" => {
            let value = deadline(&meta, diagnostics).map(|value| (path.clone(), value));
            set(&mut options.deadline, &path, value, diagnostics);
        }
        "max_request" => {
            let value = size::size(&meta, diagnostics).map(|value| (path.clone(), value));
            set(&mut options.max_request, &path, value, diagnostics);
        }
        "max_reply" => {
            let value = size::size(&meta, diagnostics).map(|value| (path.clone(), value));
            set(&mut options.max_reply, &path, value, diagnostics);
        }
        "id" => {
            let value = method_id(&meta, diagnostics).map(|value| (meta.to_token_stream(), value));
            set(&mut options.id, &path, value, diagnostics);
        }
        _ => diagnostics.report(&path, format!("unknown option: {METHOD_OPTIONS}")),
    }
}

/// Splits an attribute's arguments into options; `known` says what they may be.
fn option_list(arguments: TokenStream, known: &str, diagnostics: &mut Diagnostics) -> Vec<Meta> {
    match Punctuated::<Meta, Token![,]>::parse_terminated.parse2(arguments) {
        Ok(list) => list.into_iter().collect(),
        Err(error) => {
            diagnostics.absorb(Error::new(error.span(), format!("{error}: {known}")));
            Vec::new()
        }
    }
}

/// Stores what an option says. `None` means that its value has been reported already.
pub(crate) fn set<T>(
    slot: &mut Option<T>,
    path: &Path,
    value: Option<T>,
    diagnostics: &mut Diagnostics,
) {
    if slot.is_some() {
        diagnostics.report(path, format!("`{}` is given twice", path.to_token_stream()));
    } else if value.is_some() {
        *slot = value;
    }
}

/// An option that is only a name.
pub(crate) fn flag(meta: Meta, diagnostics: &mut Diagnostics) -> Option<Path> {
    match meta {
        Meta::Path(path) => Some(path),
        other => {
            let name = other.path().to_token_stream();
            diagnostics.report(&other, format!("`{name}` takes no value"));
            None
        }
    }
}

/// The value of an option of the form `name = value`.
fn value(meta: &Meta) -> Option<&Expr> {
    match meta {
        Meta::NameValue(pair) => Some(&pair.value),
        Meta::Path(_) | Meta::List(_) => None,
    }
}

/// The literal that an option has as its value.
fn literal(meta: &Meta) -> Option<&Lit> {
    match value(meta)? {
        Expr::Lit(ExprLit { lit, .. }) => Some(lit),
        _ => None,
    }
}

fn interface_name(meta: &Meta, diagnostics: &mut Diagnostics) -> Option<String> {
    match literal(meta) {
        Some(Lit::Str(name)) if !name.value().is_empty() => Some(name.value()),
        Some(Lit::Str(name)) => {
            diagnostics.report(name, "the name of an interface cannot be empty");
            None
        }
        _ => {
            diagnostics.report(meta, "write `name = \"..\"`, for example `name = \"acme.admin\"`");
            None
        }
    }
}

/// The value of `crate = path`; the derive has the same option.
pub(crate) fn crate_path(meta: &Meta, diagnostics: &mut Diagnostics) -> Option<Path> {
    match value(meta) {
        Some(Expr::Path(path)) if path.qself.is_none() && path.attrs.is_empty() => {
            Some(path.path.clone())
        }
        _ => {
            let message = "write `crate = path`, for example `crate = ::wrapper::farcall`";
            diagnostics.report(meta, message);
            None
        }
    }
}

fn deadline(meta: &Meta, diagnostics: &mut Diagnostics) -> Option<Duration> {
    let Some(Lit::Str(text)) = literal(meta) else {
        diagnostics.report(meta, "write `deadline = \"..\"`, for example `deadline = \"30s\"`");
        return None;
    };
    match humantime::parse_duration(&text.value()) {
        Ok(duration) if duration.is_zero() => {
            diagnostics.report(text, "a deadline of zero would fail every call");
            None
        }
        Ok(duration) => Some(duration),
        Err(error) => {
            let message =
                format!("not a duration: {error}; write for example \"250ms\" or \"1m 30s\"");
            diagnostics.report(text, message);
            None
        }
    }
}

fn method_id(meta: &Meta, diagnostics: &mut Diagnostics) -> Option<u32> {
    let Some(Lit::Int(number)) = literal(meta) else {
        diagnostics.report(meta, "write `id = N` with an integer N, for example `id = 7`");
        return None;
    };
    match number.base10_parse() {
        Ok(id) if ["", "u32"].contains(&number.suffix()) => Some(id),
        _ => {
            diagnostics.report(number, "the id of a method is an unsigned 32-bit integer");
            None
        }
    }
}
