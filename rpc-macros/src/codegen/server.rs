//! The server stub: decodes a call, runs the handler, encodes its reply.

use proc_macro2::{Ident, Span, TokenStream};
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

/// The impls, save what has plain names.
pub(super) fn impls(context: &Context<'_>) -> TokenStream {
    let server = &context.server;
    let sized = quote!(?::core::marker::Sized);
    let parameter = parameter(context);
    let debug = debug_impl(server, &quote!(#server<#parameter>), &quote!(<#parameter: #sized>));
    let service = service_impl(context);
    quote!(#service #debug)
}

/// What the type behind the server stub has to be.
fn bounds(context: &Context<'_>, parameter: &Ident) -> TokenStream {
    let interface = context.interface;
    // Without a sound trait anything is accepted, for the one mistake has been reported.
    let bound = interface.sound.then(|| {
        let ident = &interface.ident;
        quote!(#ident +)
    });
    quote! {
        #parameter: #bound ::core::marker::Send + ::core::marker::Sync + 'static
            + ?::core::marker::Sized
    }
}

/// The parameter of the server stub beside the user's types, of which one may be called `S`: the
/// parameters of an impl obey no hygiene.
fn service_parameter() -> Ident {
    Ident::new("__FarcallService", Span::call_site())
}

/// The parameter of the server stub, in impls that name the trait as well: not the trait's own name.
fn parameter(context: &Context<'_>) -> Ident {
    let name = if context.interface.ident == "S" { "T" } else { "S" };
    Ident::new(name, Span::call_site())
}

/// `new`, `shared` and `spawn_on`, whose parameters have plain names for documentation and editors.
pub(super) fn constructors(context: &Context<'_>) -> TokenStream {
    let Context { interface, server, .. } = context;
    let visibility = &interface.visibility;
    let has_futures = has_futures(context);
    let spawner = has_futures.then(|| quote!(spawner: ::core::option::Option::None,));
    let spawn_on = has_futures.then(|| spawn_on(context));
    let parameter = parameter(context);
    let bounds = bounds(context, &parameter);
    quote! {
        impl<#bounds> #server<#parameter> {
            /// Serves an implementation.
            #[must_use = "an implementation is served by a `Server` only"]
            #visibility fn new(service: #parameter) -> Self
            where
                #parameter: ::core::marker::Sized,
            {
                Self { #spawner service: ::std::sync::Arc::new(service) }
            }

            /// Serves an implementation that others use as well.
            #[must_use = "an implementation is served by a `Server` only"]
            #visibility fn shared(service: ::std::sync::Arc<#parameter>) -> Self {
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

fn service_impl(context: &Context<'_>) -> TokenStream {
    let Context { interface, server, .. } = context;
    let paths = context.paths;
    let (service, incoming, answer) = (paths.service(), paths.incoming_call(), paths.answer());
    let (interface_type, interface_static) = (paths.interface(), names::interface_static());
    let parameter = service_parameter();
    let bounds = bounds(context, &parameter);
    let [call, answered] = ["call", "answered"].map(names::local);
    let arms = interface.sound_methods().map(|method| {
        let (cfg, id) = (&method.attributes.cfg, method.id.value);
        let function = names::server_of(&method.ident);
        quote!(#(#cfg)* #id => self.#function(#call),)
    });
    let functions = interface.sound_methods().map(|method| function(context, method));
    quote! {
        impl<#bounds> #server<#parameter> { #(#functions)* }

        #[automatically_derived]
        impl<#bounds> #service for #server<#parameter> {
            fn interface(&self) -> &'static #interface_type {
                &#interface_static
            }

            fn dispatch(&self, #call: &#incoming<'_>) -> #answer {
                let #answered = match #call.method() {
                    #(#arms)*
                    _ => ::core::result::Result::Ok(#answer::unknown_method()),
                };
                match #answered {
                    ::core::result::Result::Ok(#answered)
                    | ::core::result::Result::Err(#answered) => #answered,
                }
            }
        }
    }
}

/// One method: all arguments, then the handler. Only from `enter` on may user code have run.
fn function(context: &Context<'_>, method: &Method) -> TokenStream {
    let cfg = &method.attributes.cfg;
    let function = names::server_of(&method.ident);
    let (incoming, answer) = (context.paths.incoming_call(), context.paths.answer());
    let call = names::local("call");
    let steps = steps(context, method);
    let body = if method.is_async() { future(context, &steps) } else { steps };
    quote! {
        #(#cfg)*
        fn #function(
            &self,
            #call: &#incoming<'_>,
        ) -> ::core::result::Result<#answer, #answer> {
            #body
        }
    }
}

/// The steps as a future, which owns what they need.
fn future(context: &Context<'_>, steps: &TokenStream) -> TokenStream {
    let answer = context.paths.answer();
    let [call, service] = ["call", "service"].map(names::local);
    quote! {
        let #call = #call.to_owned();
        let #service = ::core::clone::Clone::clone(&self.service);
        ::core::result::Result::Ok(#answer::steps(
            ::core::option::Option::as_ref(&self.spawner),
            async move { #steps },
        ))
    }
}

/// From the bytes to the answer.
fn steps(context: &Context<'_>, method: &Method) -> TokenStream {
    let [call, reader] = ["call", "reader"].map(names::local);
    let decoded = context.paths.decoded();
    let mutability = (!method.arguments.is_empty()).then(|| quote!(mut));
    let arguments = method
        .arguments
        .iter()
        .enumerate()
        .map(|(index, argument)| messages::decode(context, index, argument));
    let handled = answered(context, method, &handler_call(context, method));
    quote! {
        let #mutability #reader = #call.reader();
        #(#arguments)*
        #decoded(#END_OF_ARGUMENTS, #reader.finish())?;
        #call.enter();
        #handled
    }
}

/// Names the trait, since the user's type may have a method of the same name.
fn handler_call(context: &Context<'_>, method: &Method) -> TokenStream {
    let (interface, ident) = (&context.interface.ident, &method.ident);
    let parameter = service_parameter();
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
    quote!(<#parameter as #interface>::#ident(&*#service, #given #(#arguments),*) #dot_await)
}

fn answered(context: &Context<'_>, method: &Method, handler_call: &TokenStream) -> TokenStream {
    let answer = context.paths.answer();
    if method.options.oneway.is_some() {
        quote! {
            #handler_call;
            ::core::result::Result::Ok(#answer::none())
        }
    } else if matches!(method.answer, Answer::Later(_)) {
        quote! {
            #handler_call;
            ::core::result::Result::Ok(#answer::later())
        }
    } else {
        let returned = messages::returned(context, method);
        quote!(::core::result::Result::Ok(#returned::answer(#handler_call)))
    }
}
