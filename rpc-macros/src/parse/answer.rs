//! How a method answers: at once, by a future, or later.

use quote::ToTokens;
use syn::{
    GenericArgument, PatType, Path, PathArguments, ReturnType, TraitItemFn, Type, TypeImplTrait,
    TypeParamBound, parse_quote,
};

use super::{attributes, typed_arguments, ungrouped};
use crate::model::{Answer, Future, FutureForm, Later};

/// Reads it from the declaration.
pub(super) fn answer(function: &TraitItemFn) -> Answer {
    let signature = &function.sig;
    let returned = match &signature.output {
        ReturnType::Default => None,
        ReturnType::Type(_, ty) => Some(Box::new(ungrouped(ty).clone())),
    };
    if let Some(later) = later(function, returned.clone()) {
        return Answer::Later(Box::new(later));
    }
    if let Some(token) = &signature.asyncness {
        let form = FutureForm::Async { has_body: function.default.is_some() };
        return Answer::Future(Future { mark: token.to_token_stream(), reply: returned, form });
    }
    match returned.as_deref().and_then(opaque_future) {
        Some(future) => Answer::Future(future),
        None => Answer::Returned(returned),
    }
}

/// Writes `async fn` as rustc does, with the `Send` that an `async fn` in a trait cannot say.
pub(super) fn desugar(function: &mut TraitItemFn) {
    // With a body it is a mistake, and stays as it is.
    if function.sig.asyncness.is_none() || function.default.is_some() {
        return;
    }
    function.sig.asyncness = None;
    let reply = match &function.sig.output {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, ty) => (**ty).clone(),
    };
    function.sig.output = parse_quote! {
        -> impl ::core::future::Future<Output = #reply> + ::core::marker::Send
    };
}

fn later(function: &TraitItemFn, returned: Option<Box<Type>>) -> Option<Later> {
    let is_marked = |typed: &&PatType| attributes::is_marked(&typed.attrs, "reply");
    let mut marked = typed_arguments(&function.sig).filter(is_marked);
    let typed = marked.next()?;
    let last = typed_arguments(&function.sig).last()?;
    let ty = ungrouped(&typed.ty).clone();
    Some(Later {
        argument: typed.to_token_stream(),
        reply: reply_of(&ty),
        ty,
        is_last: std::ptr::eq(last, typed),
        repeated: marked.map(ToTokens::to_token_stream).collect(),
        returned,
        asyncness: function.sig.asyncness.as_ref().map(ToTokens::to_token_stream),
    })
}

/// The `T` of `Reply<T>`, by whatever path.
fn reply_of(ty: &Type) -> Option<Box<Type>> {
    let Type::Path(path) = ty else { return None };
    match &generic_arguments(&path.path)?[..] {
        [GenericArgument::Type(ty)] => Some(Box::new(ungrouped(ty).clone())),
        _ => None,
    }
}

/// A type of the form `impl Future<..>`, by whatever path.
fn opaque_future(ty: &Type) -> Option<Future> {
    let Type::ImplTrait(opaque) = ty else { return None };
    let future = bounds(opaque).find(|path| ends_with(path, "Future"))?;
    let output =
        generic_arguments(future).into_iter().flatten().find_map(|argument| match argument {
            GenericArgument::AssocType(output) if output.ident == "Output" => Some(output.ty),
            _ => None,
        });
    Some(Future {
        mark: ty.to_token_stream(),
        form: FutureForm::Opaque {
            has_output: output.is_some(),
            is_send: bounds(opaque).any(|path| ends_with(path, "Send")),
        },
        reply: output.map(|ty| Box::new(ungrouped(&ty).clone())),
    })
}

fn bounds(opaque: &TypeImplTrait) -> impl Iterator<Item = &Path> {
    opaque.bounds.iter().filter_map(|bound| match bound {
        TypeParamBound::Trait(bound) => Some(&bound.path),
        _ => None,
    })
}

fn ends_with(path: &Path, name: &str) -> bool {
    path.segments.last().is_some_and(|segment| segment.ident == name)
}

fn generic_arguments(path: &Path) -> Option<Vec<GenericArgument>> {
    match &path.segments.last()?.arguments {
        PathArguments::AngleBracketed(arguments) => Some(arguments.args.iter().cloned().collect()),
        PathArguments::None | PathArguments::Parenthesized(_) => None,
    }
}
