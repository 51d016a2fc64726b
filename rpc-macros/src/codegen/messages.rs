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

/// The function that writes the arguments into a message, which both stubs call.
///
/// It owns what it is given, since the stubs take their arguments as the trait does.
pub(super) fn encoder(context: &Context<'_>, method: &Method) -> TokenStream {
    let cfg = &method.attributes.cfg;
    let function = names::encoder(&method.ident);
    let generics = &method.generics;
    let parameters = parameters(method);
    let out = names::local("out");
    let writer = context.paths.writer();
    let codecs = method.arguments.iter().map(|argument| {
        let Codec { ty, put, room, is_lent, .. } = codec(context, argument);
        let (name, borrow) = (name(argument), (!is_lent).then(|| quote!(&)));
        (quote!(#ty::#room(#borrow #name)), quote!(#ty::#put(#name, &mut #out);))
    });
    let (rooms, arguments): (Vec<_>, Vec<_>) = codecs.unzip();
    let room = rooms.into_iter().reduce(|so_far, room| quote!(#so_far.saturating_add(#room)));
    let room = room.unwrap_or_else(|| quote!(0));
    let mutability = (!method.arguments.is_empty()).then(|| quote!(mut));
    quote! {
        #(#cfg)*
        fn #function #generics (#parameters) -> #writer {
            let #mutability #out = #writer::for_room(#room);
            #(#arguments)*
            #out
        }
    }
}

/// The call of that function in a stub.
pub(super) fn encoded(method: &Method) -> TokenStream {
    let function = names::encoder(&method.ident);
    let names = method.arguments.iter().map(name);
    quote!(#function(#(#names),*))
}

/// How the type of an argument is asked for everything.
///
/// It is one trait, with the same words at the same place each time: only then does rustc report a type
/// that cannot be sent once.
struct Codec {
    /// `<Type as Trait<'_>>`.
    ty: TokenStream,
    put: Ident,
    room: Ident,
    take: Ident,
    describe: Ident,
    most: Ident,
    is_lent: bool,
}

fn codec(context: &Context<'_>, argument: &Argument) -> Codec {
    let sendable = context.paths.sendable();
    let (ty, is_lent) = match &argument.ty {
        Type::Reference(reference) => (&*reference.elem, true),
        ty => (ty, false),
    };
    let ty = erased(ty);
    // The whole expression is where the user wrote the type, from its first token to its last, or
    // rustc would report some of it a second time, at a place that differs a little.
    let (first, last) = ends(&ty);
    let open = quote_spanned!(first=> <);
    let at = |name| Ident::new(name, last);
    Codec {
        put: at(if is_lent { "put" } else { "give" }),
        room: at(if is_lent { "room" } else { "room_given" }),
        take: at(if is_lent { "lend" } else { "take" }),
        describe: at("describe_argument"),
        most: at("MOST"),
        is_lent,
        ty: quote!(#open #ty as #sendable<'_>>),
    }
}

/// The places of the first and of the last token.
fn ends(tokens: &impl ToTokens) -> (Span, Span) {
    let mut spans = tokens.to_token_stream().into_iter().map(|token| match token {
        TokenTree::Group(group) => (group.span_open(), group.span_close()),
        token => (token.span(), token.span()),
    });
    let first = spans.next().unwrap_or_else(|| (Span::call_site(), Span::call_site()));
    let last = spans.last().unwrap_or(first);
    (first.0, last.1)
}

/// `<Type as Trait>`, the same for the type of the reply.
pub(super) fn returned(context: &Context<'_>, method: &Method) -> TokenStream {
    let (reply, returned) = (reply(method), context.paths.returned());
    quote!(<#reply as #returned>)
}

/// The local that holds the argument of that index in a dispatch.
pub(super) fn held(index: usize) -> Ident {
    names::local(&format!("argument_{index}"))
}

/// The statement that reads one argument; a failure leaves the function with a verdict.
pub(super) fn decode(context: &Context<'_>, index: usize, argument: &Argument) -> TokenStream {
    let decoded = context.paths.decoded();
    let wire_name = names::wire_name(name(argument));
    let Codec { ty, take, .. } = codec(context, argument);
    let [held, reader] = [held(index), names::local("reader")];
    let given = quote_spanned!(take.span()=> (&mut #reader));
    quote!(let #held = #decoded(#wire_name, #ty::#take #given)?;)
}

/// The expression that hands one decoded argument to the handler.
pub(super) fn passed(index: usize, argument: &Argument) -> TokenStream {
    let held = held(index);
    match &argument.ty {
        Type::Reference(reference) => {
            let place = place(&reference.elem);
            let held = located(held, place);
            quote_spanned!(place=> &*#held)
        }
        ty => located(held, place(ty)).into_token_stream(),
    }
}

/// The function that describes arguments and reply; the runtime makes the signature hash of it.
pub(super) fn describe(context: &Context<'_>, method: &Method) -> TokenStream {
    let description = names::local("schema");
    let schema = context.paths.schema();
    let arguments = method.arguments.iter().map(|argument| {
        let wire_name = names::wire_name(name(argument));
        let Codec { ty, describe, .. } = codec(context, argument);
        quote!(#ty::#describe(#wire_name, #description);)
    });
    // That there is no reply is what makes a description one of a oneway method.
    let reply = method.options.oneway.is_none().then(|| {
        let returned = returned(context, method);
        quote!(#returned::describe(#description);)
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
    let max_add = context.paths.max_add();
    let none = quote!(::core::option::Option::Some(0));
    method.arguments.iter().fold(none, |so_far, argument| {
        let Codec { ty, most, .. } = codec(context, argument);
        quote!(#max_add(#so_far, #ty::#most))
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
