//! Sorting attributes: ours, those that generated items repeat, and all others.

use proc_macro2::{TokenStream, TokenTree};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Token, parse_quote};

use crate::model::Attributes;

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

/// Whether the attribute is `cfg_attr` with one of ours inside, which rustc would not know.
pub(super) fn is_conditional_helper(attribute: &Attribute) -> bool {
    conditional(attribute)
        .is_some_and(|(_, inner)| has_helper(&inner) || inner.iter().any(is_conditional_helper))
}

/// Takes our attributes away, plain or conditional.
pub(super) fn remove_helpers(attributes: &mut Vec<Attribute>) {
    attributes.retain(|attribute| {
        !has_helper(std::slice::from_ref(attribute)) && !is_conditional_helper(attribute)
    });
}

/// Selects the attributes that generated items repeat.
///
/// Left out are `must_use` (the stubs' results say it themselves), `expect` (the copy would stay
/// unfulfilled), `inline`, and everything unknown, which may be another macro.
pub(super) fn repeated(attributes: &[Attribute]) -> Attributes {
    let mut repeated = Attributes::default();
    for attribute in attributes {
        match conditional(attribute) {
            // One by one, because the inner attributes belong to different places.
            Some((condition, inner)) => {
                for inner in inner {
                    let meta = &inner.meta;
                    sort(&inner, parse_quote!(#[cfg_attr(#condition, #meta)]), &mut repeated);
                }
            }
            None => sort(attribute, attribute.clone(), &mut repeated),
        }
    }
    repeated
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
