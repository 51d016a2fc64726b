//! Sorting attributes: ours, those that generated items repeat, and all others.

use proc_macro2::{TokenStream, TokenTree};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Token, parse_quote};

use crate::model::{Attributes, Misplaced};

/// The attributes that only mean something to us.
const HELPERS: [&str; 3] = ["rpc", "ctx", "reply"];

/// Whether one of the attributes is `#[name]`.
pub(super) fn is_marked(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident(name))
}

/// Whether one of the attributes is ours.
pub(super) fn has_helper(attributes: &[Attribute]) -> bool {
    HELPERS.iter().any(|name| is_marked(attributes, name))
}

/// For a `cfg_attr` with one of ours inside, which rustc would not know: how to write it directly.
pub(super) fn conditional_helper(attribute: &Attribute) -> Option<&'static str> {
    let (_, inner) = conditional(attribute)?;
    inner.iter().find_map(|inner| {
        let helper = HELPERS.iter().find(|name| inner.path().is_ident(name));
        match helper.copied() {
            Some("rpc") => Some("#[rpc(..)]"),
            Some("ctx") => Some("#[ctx]"),
            Some(_) => Some("#[reply]"),
            None => conditional_helper(inner),
        }
    })
}

/// Whether the attribute is `cfg`, or `cfg_attr` with a `cfg` inside.
pub(super) fn is_condition(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
        || conditional(attribute).is_some_and(|(_, inner)| inner.iter().any(is_condition))
}

/// Takes our attributes away, plain or conditional.
pub(super) fn remove_helpers(attributes: &mut Vec<Attribute>) {
    attributes.retain(|attribute| {
        !has_helper(std::slice::from_ref(attribute)) && conditional_helper(attribute).is_none()
    });
}

/// What an attribute stands on.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Trait,
    Method,
    Receiver,
    Argument,
}

/// Those of our attributes that mean nothing where they stand. Without a message they would be taken
/// away in silence, and what the user wanted with them.
pub(super) fn misplaced(attributes: &[Attribute], place: Place) -> Vec<Misplaced> {
    let found = attributes.iter().filter_map(|attribute| {
        let is = |name: &str| attribute.path().is_ident(name);
        let is_bare = matches!(attribute.meta, Meta::Path(_));
        let message = match place {
            Place::Trait if is("rpc") || conditional_helper(attribute).is_some() => {
                "`#[rpc(..)]` belongs on a method; options of the trait stand in \
                 `#[rpc_interface(..)]`"
            }
            Place::Receiver | Place::Argument if is("rpc") => {
                "`#[rpc(..)]` belongs on the method, not on an argument"
            }
            Place::Argument if is("ctx") && !is_bare => "`#[ctx]` takes no options",
            Place::Argument if is("reply") && !is_bare => "`#[reply]` takes no options",
            Place::Trait | Place::Method | Place::Receiver if is("ctx") => {
                "`#[ctx]` belongs on the argument that is the context"
            }
            Place::Trait | Place::Method | Place::Receiver if is("reply") => {
                "`#[reply]` belongs on the argument by which the method answers"
            }
            _ => return None,
        };
        Some(Misplaced { attribute: attribute.clone(), message })
    });
    found.collect()
}

/// Selects the attributes that generated items repeat.
///
/// Left out are `must_use` (the stubs' results say it themselves), `inline`, and everything unknown,
/// which may be another macro. `expect` becomes `allow`: what the user expects of the trait may
/// happen to the copy as well, and need not.
pub(super) fn repeated(attributes: &[Attribute]) -> Attributes {
    let mut repeated = Attributes::default();
    for (kind, copy) in attributes.iter().flat_map(spread) {
        sort(&kind, copy, &mut repeated);
    }
    repeated
}

/// What an attribute comes down to, each with the copy that repeats it. The attributes inside a
/// `cfg_attr` come one by one, because they belong to different places.
fn spread(attribute: &Attribute) -> Vec<(Attribute, Attribute)> {
    let Some((condition, inner)) = conditional(attribute) else {
        let attribute = allowed(attribute.clone());
        return vec![(attribute.clone(), attribute)];
    };
    let under_condition = |(kind, copy): (Attribute, Attribute)| {
        let meta = copy.meta;
        (kind, parse_quote!(#[cfg_attr(#condition, #meta)]))
    };
    inner.iter().flat_map(spread).map(under_condition).collect()
}

/// The attribute with `allow` in place of `expect`.
fn allowed(mut attribute: Attribute) -> Attribute {
    if let Meta::List(list) = &mut attribute.meta
        && list.path.is_ident("expect")
    {
        list.path = parse_quote!(allow);
    }
    attribute
}

/// Puts `copy` where an attribute like `kind` belongs.
fn sort(kind: &Attribute, copy: Attribute, repeated: &mut Attributes) {
    let name = kind.path().get_ident().map(ToString::to_string).unwrap_or_default();
    match name.as_str() {
        "cfg" => repeated.cfg.push(copy),
        "doc" => repeated.doc.push(copy),
        "deprecated" | "allow" | "warn" | "deny" => repeated.lints.push(copy),
        _ => {}
    }
}

/// The condition and the inner attributes of a `cfg_attr`. rustc leaves it unexpanded inside the
/// input of an attribute macro.
fn conditional(attribute: &Attribute) -> Option<(TokenStream, Vec<Attribute>)> {
    if !attribute.path().is_ident("cfg_attr") {
        return None;
    }
    let Meta::List(list) = &attribute.meta else { return None };
    let is_comma =
        |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
    let mut tokens = list.tokens.clone().into_iter();
    // The condition need not be a `Meta`: `true` is a legal one.
    let condition = tokens.by_ref().take_while(|token| !is_comma(token)).collect();
    let inner = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(tokens.collect()).ok()?;
    Some((condition, inner.into_iter().map(|meta| parse_quote!(#[#meta])).collect()))
}
