//! The server stub: decodes a call, runs the handler, encodes its reply.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use super::{Context, debug_impl, messages};
use crate::model::{Answer, Method};
use crate::names;

/// What an answer calls the place after the last argument, where nothing may follow.
const END_OF_ARGUMENTS: &str = "(end of arguments)";

/// The struct.
pub(super) fn declaration(context: &Context<'_>) -> TokenStream {
    let Context { interface, server, .. } = context;
    let visibility = &interface.visibility;
    let summary = format!(" Server of [`{}`]: makes an implementation callable.", interface.ident);
    let spawner = has_futures(context).then(|| {
        let spawner = context.paths.spawner();
        quote!(spawner: ::core::option::Option<#spawner>,)
    });
    quote! {
        #[doc = #summary]
        #visibility struct #server<S: ?::core::marker::Sized> {
            #spawner
            service: ::std::sync::Arc<S>,
        }
    }
}

/// Whether any handler is a future.
fn has_futures(context: &Context<'_>) -> bool {
    context.interface.sound_methods().any(Method::is_async)
}

/// The impls.
pub(super) fn impls(context: &Context<'_>) -> TokenStream {
    let Context { interface, server, .. } = context;
    let sized = quote!(?::core::marker::Sized);
    let debug = debug_impl(server, &quote!(#server<S>), &quote!(<S: #sized>));
    // Without a sound trait anything is accepted, for the one mistake has been reported.
    let bound = interface.sound.then(|| {
        let ident = &interface.ident;
        quote!(#ident +)
    });
    let bounds = quote! {
        S: #bound ::core::marker::Send + ::core::marker::Sync + 'static + #sized
    };
    let parts = [constructors(context, &bounds), service_impl(context, &bounds), debug];
    quote!(#(#parts)*)
}

fn constructors(context: &Context<'_>, bounds: &TokenStream) -> TokenStream {
    let Context { interface, server, .. } = context;
    let visibility = &interface.visibility;
    let has_futures = has_futures(context);
    let spawner = has_futures.then(|| quote!(spawner: ::core::option::Option::None,));
    let spawn_on = has_futures.then(|| spawn_on(context));
    quote! {
        impl<#bounds> #server<S> {
            /// Serves an implementation.
            #[must_use = "an implementation is served by a `Server` only"]
            #visibility fn new(service: S) -> Self
            where
                S: ::core::marker::Sized,
            {
                Self { #spawner service: ::std::sync::Arc::new(service) }
            }

            /// Serves an implementation that others use as well.
            #[must_use = "an implementation is served by a `Server` only"]
            #visibility fn shared(service: ::std::sync::Arc<S>) -> Self {
                Self { #spawner service }
            }

            #spawn_on
        }
    }
}

fn spawn_on(context: &Context<'_>) -> TokenStream {
    let visibility = &context.interface.visibility;
    let (spawner, future) = (context.paths.spawner(), context.paths.call_future());
    quote! {
        /// Hands the futures of `async` handlers to an executor, for handlers that need its timers
        /// or sockets. Without this the workers of the server poll them.
        ///
        /// `spawn` is called with the future of each such call, as in
        /// `.spawn_on(move |future| runtime.spawn(future))`; what it returns is dropped.
        #[must_use = "an implementation is served by a `Server` only"]
        #visibility fn spawn_on<R>(
            mut self,
            spawn: impl ::core::ops::Fn(#future) -> R
            + ::core::marker::Send
            + ::core::marker::Sync
            + 'static,
        ) -> Self {
            self.spawner = ::core::option::Option::Some(#spawner::new(spawn));
            self
        }
    }
}

fn service_impl(context: &Context<'_>, bounds: &TokenStream) -> TokenStream {
    let Context { interface, server, .. } = context;
    let paths = context.paths;
    let (service, incoming, answer) = (paths.service(), paths.incoming_call(), paths.answer());
    let (interface_type, interface_static) = (paths.interface(), names::interface_static());
    let call = names::local("call");
    let arms = interface.sound_methods().map(|method| arm(context, method));
    quote! {
        #[automatically_derived]
        impl<#bounds> #service for #server<S> {
            fn interface(&self) -> &'static #interface_type {
                &#interface_static
            }

            fn dispatch(&self, #call: &#incoming<'_>) -> #answer {
                match #call.method() {
                    #(#arms)*
                    _ => #answer::unknown_method(),
                }
            }
        }
    }
}

/// One method: all arguments, then the handler. Only from `enter` on may user code have run.
fn arm(context: &Context<'_>, method: &Method) -> TokenStream {
    let cfg = &method.attributes.cfg;
    let id = method.id.value;
    let steps = steps(context, method);
    let body = if method.is_async() { future(context, &steps) } else { steps };
    quote! {
        #(#cfg)*
        #id => { #body }
    }
}

/// The steps as a future, which owns what they need.
fn future(context: &Context<'_>, steps: &TokenStream) -> TokenStream {
    let answer = context.paths.answer();
    let [call, service] = ["call", "service"].map(names::local);
    quote! {
        let #call = #call.to_owned();
        let #service = ::core::clone::Clone::clone(&self.service);
        #answer::future(::core::option::Option::as_ref(&self.spawner), async move { #steps })
    }
}

/// From the bytes to the answer.
fn steps(context: &Context<'_>, method: &Method) -> TokenStream {
    let [call, reader, error] = ["call", "reader", "error"].map(names::local);
    let answer = context.paths.answer();
    let mutability = (!method.arguments.is_empty()).then(|| quote!(mut));
    let decoded = method
        .arguments
        .iter()
        .enumerate()
        .map(|(index, argument)| messages::decode(context, index, argument));
    let handled = answered(context, method, &handler_call(context, method));
    quote! {
        let #mutability #reader = #call.reader();
        #(#decoded)*
        if let ::core::result::Result::Err(#error) = #reader.finish() {
            return #answer::undecodable(#END_OF_ARGUMENTS, #error);
        }
        #call.enter();
        #handled
    }
}

/// Names the trait, since the user's type may have a method of the same name.
fn handler_call(context: &Context<'_>, method: &Method) -> TokenStream {
    let (interface, ident) = (&context.interface.ident, &method.ident);
    let given = method.context.as_ref().map(|given| {
        let given = messages::context_argument(&given.ty);
        quote!(#given,)
    });
    let arguments = method
        .arguments
        .iter()
        .enumerate()
        .map(|(index, argument)| messages::passed(index, argument));
    let reply = match &method.answer {
        Answer::Later(later) => {
            later.reply.as_deref().map(|reply| messages::reply_argument(&later.ty, reply))
        }
        Answer::Returned(_) | Answer::Future(_) => None,
    };
    let arguments = arguments.chain(reply);
    let service = if method.is_async() {
        names::local("service").to_token_stream()
    } else {
        quote!(self.service)
    };
    let dot_await = method.is_async().then(|| quote!(.await));
    quote!(<S as #interface>::#ident(&*#service, #given #(#arguments),*) #dot_await)
}

fn answered(context: &Context<'_>, method: &Method, handler_call: &TokenStream) -> TokenStream {
    let answer = context.paths.answer();
    if method.options.oneway.is_some() {
        quote! {
            #handler_call;
            #answer::none()
        }
    } else if matches!(method.answer, Answer::Later(_)) {
        quote! {
            #handler_call;
            #answer::later()
        }
    } else {
        let reply = messages::reply(method);
        quote!(#answer::reply::<#reply>(&#handler_call))
    }
}
