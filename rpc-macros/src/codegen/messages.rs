//! Marshaling of arguments and replies, and their description.
//!
//! Every use of a type repeats the user's own tokens, so that a type which cannot be sent is
//! reported where the user wrote it.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit_mut::VisitMut;
use syn::{Lifetime, Type};

use super::Context;
use crate::model::{Argument, Method, Pattern};
use crate::names;

/// `name: Type` of every argument that is sent, as the user wrote it.
pub(super) fn parameters(method: &Method) -> TokenStream {
    let parameters = method.arguments.iter().map(|argument| {
        let (name, ty) = (name(argument), &argument.ty);
        quote!(#name: #ty)
    });
    quote!(#(#parameters),*)
}

/// The type of the reply. Without a `->` it is `()`.
pub(super) fn reply(method: &Method) -> TokenStream {
    method.reply().map_or_else(|| quote!(()), ToTokens::to_token_stream)
}

/// The closure that writes the arguments into a message.
///
/// It owns what it is given, since the stubs take their arguments as the trait does.
pub(super) fn encode(context: &Context<'_>, method: &Method) -> TokenStream {
    let out = names::local("out");
    let writer = context.paths.writer();
    let marshal = context.paths.marshal();
    let arguments = method.arguments.iter().map(|argument| {
        let name = name(argument);
        match &argument.ty {
            Type::Reference(reference) => {
                let referent = erased(&reference.elem);
                quote!(<#referent as #marshal>::marshal(#name, #out);)
            }
            ty => {
                let ty = erased(ty);
                quote!(<#ty as #marshal>::marshal(&#name, #out);)
            }
        }
    });
    quote!(move |#out: &mut #writer| { #(#arguments)* })
}

/// The local that holds the argument of that index in a dispatch.
pub(super) fn held(index: usize) -> Ident {
    names::local(&format!("argument_{index}"))
}

/// The statement that reads one argument; a failure leaves the dispatch with a verdict.
pub(super) fn decode(context: &Context<'_>, index: usize, argument: &Argument) -> TokenStream {
    let place = place(&argument.ty);
    let [held, reader, error] = [held(index), names::local("reader"), names::local("error")]
        .map(|local| located(local, place));
    let answer = context.paths.answer();
    let wire_name = names::wire_name(name(argument));
    let value = match &argument.ty {
        Type::Reference(reference) => {
            let lend = context.paths.lend();
            let referent = erased(&reference.elem);
            quote_spanned!(place=> <#referent as #lend<'_>>::lend(&mut #reader))
        }
        ty => {
            let unmarshal = context.paths.unmarshal();
            let ty = erased(ty);
            quote_spanned!(place=> <#ty as #unmarshal<'_>>::unmarshal(&mut #reader))
        }
    };
    quote_spanned! {place=>
        let #held = match #value {
            ::core::result::Result::Ok(#held) => #held,
            ::core::result::Result::Err(#error) => return #answer::undecodable(#wire_name, #error),
        };
    }
}

/// The expression that hands one decoded argument to the handler.
pub(super) fn passed(index: usize, argument: &Argument) -> TokenStream {
    let place = place(&argument.ty);
    let held = located(held(index), place);
    match &argument.ty {
        Type::Reference(_) => quote_spanned!(place=> &*#held),
        _ => quote!(#held),
    }
}

/// The function that describes arguments and reply; the runtime makes the signature hash of it.
pub(super) fn describe(context: &Context<'_>, method: &Method) -> TokenStream {
    let description = names::local("schema");
    let schema = context.paths.schema();
    let arguments = method.arguments.iter().map(|argument| {
        let wire_name = names::wire_name(name(argument));
        // What is borrowed and what is owned looks the same on the wire.
        let ty = match &argument.ty {
            Type::Reference(reference) => erased(&reference.elem),
            ty => erased(ty),
        };
        quote!(#description.argument::<#ty>(#wire_name);)
    });
    // That there is no reply is what makes a description one of a oneway method.
    let reply = method.options.oneway.is_none().then(|| {
        let reply = reply(method);
        quote!(#description.reply::<#reply>();)
    });
    quote!(|#description: &mut #schema| { #(#arguments)* #reply })
}

/// The expression for the context, with the user's type as the place of a mismatch.
pub(super) fn context_argument(ty: &Type) -> TokenStream {
    let place = place(ty);
    let call = located(names::local("call"), place);
    quote_spanned!(place=> #call.context())
}

/// The expression for the argument by which the method answers, with the user's type as the place of
/// a mismatch.
pub(super) fn reply_argument(ty: &Type, reply: &Type) -> TokenStream {
    let place = place(ty);
    let call = located(names::local("call"), place);
    quote_spanned!(place=> #call.reply::<#reply>())
}

/// The most bytes that the arguments take.
pub(super) fn arguments_max(context: &Context<'_>, method: &Method) -> TokenStream {
    let (marshal, max_add) = (context.paths.marshal(), context.paths.max_add());
    let none = quote!(::core::option::Option::Some(0));
    method.arguments.iter().fold(none, |so_far, argument| {
        let ty = match &argument.ty {
            Type::Reference(reference) => erased(&reference.elem),
            ty => erased(ty),
        };
        quote!(#max_add(#so_far, <#ty as #marshal>::MAX))
    })
}

/// Where rustc points when an expression does not fit the user's type: at the type.
pub(super) fn place(tokens: impl Spanned) -> Span {
    tokens.span().resolved_at(Span::mixed_site())
}

/// A local at another place. An expression reaches from its first token to its last, so that all
/// of them have to be there.
pub(super) fn located(mut local: Ident, place: Span) -> Ident {
    local.set_span(place);
    local
}

/// A path at another place, for the same reason.
pub(super) fn moved(path: TokenStream, place: Span) -> TokenStream {
    let at_place = |mut token: TokenTree| {
        token.set_span(place);
        token
    };
    path.into_iter().map(at_place).collect()
}

/// The name of an argument.
pub(super) fn name(argument: &Argument) -> &Ident {
    match &argument.pattern {
        Pattern::Name(name) => name,
        // Sound methods have names only; see `check`.
        Pattern::Other(_) => unreachable!("code is generated for sound methods only"),
    }
}

/// A type for use in a body, where the method's lifetimes are not in scope: rustc infers them.
fn erased(ty: &Type) -> Type {
    struct Eraser;
    impl VisitMut for Eraser {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            *lifetime = Lifetime::new("'_", lifetime.span());
        }
    }
    let mut ty = ty.clone();
    Eraser.visit_type_mut(&mut ty);
    ty
}
