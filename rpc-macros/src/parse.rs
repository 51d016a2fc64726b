//! From the syntax of a trait to the model.
//!
//! This is the only stage that looks at syntax. It accepts whatever rustc lets through and records
//! it; whether an interface may contain it is decided in `check`. Alongside it makes the trait that
//! is given back to rustc: the one the user wrote, without the attributes that are ours.

mod answer;
mod attributes;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{
    Attribute, FnArg, ItemTrait, Pat, PatType, ReceiverKind, Safety, Signature, TraitItem,
    TraitItemFn, Type, parse_quote,
};

use crate::attr::{self, InterfaceOptions};
use crate::diagnostics::Diagnostics;
use crate::model::{
    Argument, ConditionalMark, Context, Interface, Method, MethodId, Misplaced, OtherItem, Pattern,
    Qualifier, Receiver,
};
use crate::names;
use attributes::Place;

/// Builds the model of a trait.
pub(crate) fn interface(
    item: &ItemTrait,
    options: InterfaceOptions,
    diagnostics: &mut Diagnostics,
) -> Interface {
    let mut methods = Vec::new();
    let mut others = Vec::new();
    for item in &item.items {
        match item {
            TraitItem::Fn(function) => methods.push(method(function, diagnostics)),
            other => others.push(other_item(other)),
        }
    }
    Interface {
        root: options.root.unwrap_or_else(|| parse_quote!(::farcall)),
        name: options.name.unwrap_or_else(|| names::wire_name(&item.ident)),
        ident: item.ident.clone(),
        visibility: item.vis.clone(),
        attributes: attributes::repeated(&item.attrs),
        generics: item.generics.clone(),
        qualifiers: qualifiers([
            ("unsafe", item.unsafety.map(ToTokens::into_token_stream)),
            ("auto", item.modifiers.auto_token.map(ToTokens::into_token_stream)),
        ]),
        client_impl: options.client_impl,
        misplaced: attributes::misplaced(&item.attrs, Place::Trait),
        methods,
        others,
        sound: true,
    }
}

/// The trait without the attributes that are ours, for rustc.
pub(crate) fn declaration(mut item: ItemTrait) -> ItemTrait {
    attributes::remove_helpers(&mut item.attrs);
    for item in &mut item.items {
        match item {
            TraitItem::Fn(function) => {
                attributes::remove_helpers(&mut function.attrs);
                answer::desugar(function);
                for argument in &mut function.sig.inputs {
                    match argument {
                        FnArg::Receiver(receiver) => {
                            attributes::remove_helpers(&mut receiver.attrs);
                        }
                        FnArg::Typed(typed) => attributes::remove_helpers(&mut typed.attrs),
                    }
                }
            }
            TraitItem::Const(constant) => attributes::remove_helpers(&mut constant.attrs),
            TraitItem::Type(ty) => attributes::remove_helpers(&mut ty.attrs),
            _ => {}
        }
    }
    item
}

fn other_item(item: &TraitItem) -> OtherItem {
    match item {
        TraitItem::Type(item) => {
            OtherItem::Type { ident: item.ident.clone(), tokens: item.to_token_stream() }
        }
        TraitItem::Const(item) => OtherItem::Const { ident: item.ident.clone() },
        other => OtherItem::Unknown { tokens: other.to_token_stream() },
    }
}

fn method(function: &TraitItemFn, diagnostics: &mut Diagnostics) -> Method {
    let signature = &function.sig;
    let before = diagnostics.mark();
    let options = attr::method_options(&function.attrs, diagnostics);
    let sound = diagnostics.mark() == before;

    let wire_name = names::wire_name(&signature.ident);
    let id = match &options.id {
        Some((origin, value)) => MethodId { value: *value, origin: origin.clone() },
        None => MethodId {
            value: names::method_id(&wire_name),
            origin: signature.ident.to_token_stream(),
        },
    };
    Method {
        ident: signature.ident.clone(),
        wire_name,
        id,
        attributes: attributes::repeated(&function.attrs),
        generics: signature.generics.clone(),
        qualifiers: method_qualifiers(function),
        receiver: receiver(signature),
        context: context(signature),
        arguments: typed_arguments(signature)
            .filter(|typed| !attributes::has_helper(&typed.attrs))
            .map(argument)
            .collect(),
        answer: answer::answer(function),
        options,
        conditional_marks: conditional_marks(function),
        misplaced: misplaced(function),
        argument_conditions: argument_conditions(signature),
        sound,
    }
}

fn method_qualifiers(function: &TraitItemFn) -> Vec<Qualifier> {
    let signature = &function.sig;
    let safety = match &signature.safety {
        Safety::Unsafe(token) => ("unsafe", Some(token.to_token_stream())),
        Safety::Safe(token) => ("safe", Some(token.to_token_stream())),
        Safety::Default => ("unsafe", None),
    };
    // An empty one says nothing, and macros write it.
    let clause = signature.generics.where_clause.as_ref();
    let clause = clause.filter(|clause| !clause.predicates.is_empty());
    qualifiers([
        ("default", function.modifiers.defaultness.map(ToTokens::into_token_stream)),
        ("const", signature.constness.map(ToTokens::into_token_stream)),
        safety,
        ("extern", signature.abi.as_ref().map(ToTokens::to_token_stream)),
        ("...", signature.variadic.as_ref().map(|variadic| variadic.dots.to_token_stream())),
        ("the `where` clause", clause.map(ToTokens::to_token_stream)),
    ])
}

fn qualifiers<const N: usize>(found: [(&'static str, Option<TokenStream>); N]) -> Vec<Qualifier> {
    found
        .into_iter()
        .filter_map(|(name, tokens)| tokens.map(|tokens| Qualifier { name, tokens }))
        .collect()
}

fn receiver(signature: &Signature) -> Receiver {
    let Some(receiver) = signature.receiver() else { return Receiver::Missing };
    match &receiver.kind {
        ReceiverKind::Reference(_, lifetime, None) => Receiver::Shared(lifetime.clone()),
        _ => Receiver::Other(receiver.to_token_stream()),
    }
}

fn typed_arguments(signature: &Signature) -> impl Iterator<Item = &PatType> {
    signature.inputs.iter().filter_map(|argument| match argument {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    })
}

/// The context: a marked argument in the first place, or any other marked one, which is a mistake.
fn context(signature: &Signature) -> Option<Context> {
    let marked = |typed: &PatType| attributes::is_marked(&typed.attrs, "ctx");
    let (index, typed) =
        typed_arguments(signature).enumerate().filter(|(_, typed)| marked(typed)).last()?;
    Some(Context { ty: ungrouped(&typed.ty).clone(), is_first: index == 0 })
}

fn argument(typed: &PatType) -> Argument {
    let pattern = match &*typed.pat {
        Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => {
            Pattern::Name(name.ident.clone())
        }
        other => Pattern::Other(other.to_token_stream()),
    };
    Argument { pattern, ty: ungrouped(&typed.ty).clone() }
}

fn conditional_marks(function: &TraitItemFn) -> Vec<ConditionalMark> {
    let on_arguments = function.sig.inputs.iter().flat_map(argument_attributes);
    let mark = |attribute: &Attribute| {
        let direct = attributes::conditional_helper(attribute)?;
        Some(ConditionalMark { attribute: attribute.clone(), direct })
    };
    function.attrs.iter().chain(on_arguments).filter_map(mark).collect()
}

fn misplaced(function: &TraitItemFn) -> Vec<Misplaced> {
    let mut found = attributes::misplaced(&function.attrs, Place::Method);
    for argument in &function.sig.inputs {
        let place = match argument {
            FnArg::Receiver(_) => Place::Receiver,
            FnArg::Typed(_) => Place::Argument,
        };
        found.extend(attributes::misplaced(argument_attributes(argument), place));
    }
    found
}

/// Whatever decides about a condition whether an argument is there.
fn argument_conditions(signature: &Signature) -> Vec<Attribute> {
    signature
        .inputs
        .iter()
        .flat_map(argument_attributes)
        .filter(|attribute| attributes::is_condition(attribute))
        .cloned()
        .collect()
}

fn argument_attributes(argument: &FnArg) -> &[Attribute] {
    match argument {
        FnArg::Receiver(receiver) => &receiver.attrs,
        FnArg::Typed(typed) => &typed.attrs,
    }
}

/// A type without the invisible groups that `macro_rules!` puts around its fragments, and without
/// parentheses.
fn ungrouped(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            other => return other,
        };
    }
}

#[cfg(test)]
mod tests;
