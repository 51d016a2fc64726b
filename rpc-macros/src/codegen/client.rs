//! The client stub: every method of the trait, made fallible.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Lifetime, Meta};

use super::{Context, debug_impl, messages};
use crate::model::{Answer, Interface, Method, Receiver};
use crate::names;

/// The struct.
pub(super) fn declaration(context: &Context<'_>) -> TokenStream {
    let Context { interface, client, .. } = context;
    let visibility = &interface.visibility;
    let inner = context.paths.client();
    let summary = format!(
        " Client of [`{}`]: every method is a call to the server, and says so by its `Result`.",
        interface.ident
    );
    let details = " Clones share one connection. What a client can do besides calling methods is \
                   in the trait `Stub`.";
    quote! {
        #[doc = #summary]
        #[doc = ""]
        #[doc = #details]
        #visibility struct #client {
            inner: #inner,
        }
    }
}

/// The impls, in the order a reader wants them: methods first.
pub(super) fn impls(context: &Context<'_>) -> TokenStream {
    let Context { client, .. } = context;
    let parts = [
        methods(context),
        stub_impl(context),
        from_impl(context),
        clone_impl(context),
        debug_impl(client, &quote!(#client), &quote!()),
        trait_impl(context),
    ];
    quote!(#(#parts)*)
}

/// The user's methods.
fn methods(context: &Context<'_>) -> TokenStream {
    let Context { interface, client, .. } = context;
    let methods = interface.sound_methods().map(|method| method_item(context, method));
    quote!(impl #client { #(#methods)* })
}

fn method_item(context: &Context<'_>, method: &Method) -> TokenStream {
    let runtime = match method.options.oneway {
        Some(_) => context.paths.send(),
        None => {
            let returned = messages::returned(context, method);
            quote!(#returned::call)
        }
    };
    let [interface, description] = [names::interface_static(), names::method_static(&method.ident)];
    let encoded = messages::encoded(method);
    let error = context.paths.call_error();
    let reply = messages::reply(method);
    let errors = match method.options.oneway {
        Some(_) => " It could not be sent. That it was sent says nothing about its arrival.",
        None => " The error says whether the call was executed.",
    };
    let docs = docs(context, method, "Calls", errors);
    let signature = signature(context, method, &quote!(::core::result::Result<#reply, #error>));
    quote! {
        #docs
        #signature {
            #runtime(&self.inner, &#interface, &#description, #encoded)
        }
    }
}

/// Attributes and documentation of a stub's method.
pub(super) fn docs(
    context: &Context<'_>,
    method: &Method,
    verb: &str,
    errors: &str,
) -> TokenStream {
    let attributes = &method.attributes;
    let (cfg, doc, lints) = (&attributes.cfg, &attributes.doc, &attributes.lints);
    let summary = format!(" {verb} `{}::{}`.", context.interface.ident, method.wire_name);
    // Every line begins with a blank, as the user's do: rustdoc takes away what all lines share.
    // The user's text comes first, since the first paragraph is what an overview shows.
    let separator = (!doc.is_empty()).then(|| quote!(#[doc = ""]));
    quote! {
        #(#cfg)*
        #(#lints)*
        #(#doc)*
        #separator
        #[doc = #summary]
        #[doc = ""]
        #[doc = " # Errors"]
        #[doc = ""]
        #[doc = #errors]
    }
}

/// The signature of a stub's method with another type of result.
pub(super) fn signature(
    context: &Context<'_>,
    method: &Method,
    result: &TokenStream,
) -> TokenStream {
    let visibility = &context.interface.visibility;
    let Method { ident, generics, .. } = method;
    let lifetime = receiver_lifetime(method);
    let parameters = messages::parameters(method);
    quote!(#visibility fn #ident #generics (&#lifetime self, #parameters) -> #result)
}

fn receiver_lifetime(method: &Method) -> Option<&Lifetime> {
    match &method.receiver {
        Receiver::Shared(lifetime) => lifetime.as_ref(),
        // Sound methods take `&self`; see `check`.
        Receiver::Other(_) | Receiver::Missing => None,
    }
}

/// `connect`, `on` and `start`, each unless the user has a method of that name, or while a `cfg`
/// leaves that method out.
///
/// Their parameters have plain names, unlike all other locals of ours, since documentation and
/// editors show them.
pub(super) fn facilities(context: &Context<'_>) -> TokenStream {
    let Context { interface, client, .. } = context;
    let facilities =
        [("connect", connect(context)), ("on", on(context)), ("start", start(context))]
            .into_iter()
            .filter_map(|(name, tokens)| {
                let condition = absence(interface, name)?;
                Some(quote!(#condition #tokens))
            });
    quote!(impl #client { #(#facilities)* })
}

/// The `cfg` under which the user has no method of that name. `None` if there always is one, or if
/// that cannot be said in a `cfg`; the trait `Stub` has the facility in any case.
fn absence(interface: &Interface, name: &str) -> Option<TokenStream> {
    let conditions =
        interface.methods.iter().filter(|method| method.wire_name == name).map(|method| {
            let predicates = method.attributes.cfg.iter().map(|attribute| match &attribute.meta {
                Meta::List(list) if list.path.is_ident("cfg") => Some(&list.tokens),
                _ => None,
            });
            let predicates =
                predicates.collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())?;
            Some(quote!(#[cfg(not(all(#(#predicates),*)))]))
        });
    conditions.collect()
}

fn connect(context: &Context<'_>) -> TokenStream {
    let visibility = &context.interface.visibility;
    let (stub, address) = (context.paths.stub(), context.paths.server_address());
    let error = context.paths.connect_error();
    quote! {
        /// Connects to the server at an address.
        ///
        /// It does not wait for the server: calls do, within their own deadline.
        ///
        /// # Errors
        ///
        /// The address cannot be resolved, or no socket can be opened.
        #visibility fn connect(server: impl #address) -> ::core::result::Result<Self, #error> {
            <Self as #stub>::connect(server)
        }
    }
}

fn on(context: &Context<'_>) -> TokenStream {
    let visibility = &context.interface.visibility;
    let (stub, network) = (context.paths.stub(), context.paths.network());
    let error = context.paths.connect_error();
    quote! {
        /// Connects to the server of that name on an in-process network.
        ///
        /// # Errors
        ///
        /// The network does not accept another endpoint.
        #visibility fn on<N: #network + ?::core::marker::Sized>(
            network: &N,
            name: &::core::primitive::str,
        ) -> ::core::result::Result<Self, #error> {
            <Self as #stub>::on(network, name)
        }
    }
}

fn start(context: &Context<'_>) -> TokenStream {
    let visibility = &context.interface.visibility;
    let (stub, start) = (context.paths.stub(), &context.start);
    quote! {
        /// The methods in the form that does not wait: each returns a handle of the running call.
        #[must_use = "a call is started by a method of what this returns"]
        #visibility fn start(&self) -> #start<'_> {
            <Self as #stub>::start(self)
        }
    }
}

fn stub_impl(context: &Context<'_>) -> TokenStream {
    let Context { client, start, .. } = context;
    let (stub, inner) = (context.paths.stub(), context.paths.client());
    let (interface_type, interface) = (context.paths.interface(), names::interface_static());
    let given = names::local("client");
    quote! {
        #[automatically_derived]
        impl #stub for #client {
            type Start<'__farcall> = #start<'__farcall> where Self: '__farcall;

            fn from_client(#given: #inner) -> Self {
                Self { inner: #given }
            }

            fn client(&self) -> &#inner {
                &self.inner
            }

            fn start(&self) -> Self::Start<'_> {
                #start { inner: &self.inner }
            }

            fn interface() -> &'static #interface_type {
                &#interface
            }
        }
    }
}

fn from_impl(context: &Context<'_>) -> TokenStream {
    let Context { client, .. } = context;
    let inner = context.paths.client();
    let given = names::local("client");
    quote! {
        #[automatically_derived]
        impl ::core::convert::From<&#inner> for #client {
            fn from(#given: &#inner) -> Self {
                Self { inner: ::core::clone::Clone::clone(#given) }
            }
        }
    }
}

/// Written out, because `derive` is not in scope without a prelude.
fn clone_impl(context: &Context<'_>) -> TokenStream {
    let Context { client, .. } = context;
    quote! {
        #[automatically_derived]
        impl ::core::clone::Clone for #client {
            fn clone(&self) -> Self {
                Self { inner: ::core::clone::Clone::clone(&self.inner) }
            }
        }
    }
}

/// With `client_impl`, the trait itself for the client.
///
/// The reply must be a `Result` that has room for a failed call; the conversion says so where the
/// user wrote its type.
fn trait_impl(context: &Context<'_>) -> TokenStream {
    let Context { interface, client, .. } = context;
    // The impl has to be complete, or rustc would report every method that has a mistake again.
    let is_complete = interface.sound && interface.methods.iter().all(|method| method.sound);
    if interface.client_impl.is_none() || !interface.others.is_empty() || !is_complete {
        return TokenStream::new();
    }
    let ident = &interface.ident;
    let methods = interface.sound_methods().map(|method| match method.answer {
        Answer::Future(_) => async_trait_method(context, method),
        Answer::Returned(_) | Answer::Later(_) => trait_method(client, method),
    });
    quote! {
        #[automatically_derived]
        impl #ident for #client { #(#methods)* }
    }
}

/// A method that is a future: the call is started, and nothing waits for it but the future.
fn async_trait_method(context: &Context<'_>, method: &Method) -> TokenStream {
    let Method { ident, generics, .. } = method;
    let cfg = &method.attributes.cfg;
    let lifetime = receiver_lifetime(method);
    let parameters = messages::parameters(method);
    let reply = messages::reply(method);
    let returned = messages::returned(context, method);
    let [interface, description] = [names::interface_static(), names::method_static(&method.ident)];
    let encoded = messages::encoded(method);
    let [pending, answer, error] = ["pending", "answer", "error"].map(names::local);
    let body = if method.options.oneway.is_some() {
        quote! {
            #pending.detach();
            async {}
        }
    } else {
        let place = messages::place(&reply);
        let located = messages::located(error.clone(), place);
        let failed = quote_spanned! {place=>
            ::core::result::Result::Err(::core::convert::From::from(#located))
        };
        quote! {
            async move {
                match #pending.await {
                    ::core::result::Result::Ok(#answer) => #answer,
                    ::core::result::Result::Err(#error) => #failed,
                }
            }
        }
    };
    quote! {
        #(#cfg)*
        fn #ident #generics (&#lifetime self, #parameters)
        -> impl ::core::future::Future<Output = #reply> + ::core::marker::Send {
            let #pending = #returned::start(&self.inner, &#interface, &#description, #encoded);
            #body
        }
    }
}

fn trait_method(client: &Ident, method: &Method) -> TokenStream {
    let Method { ident, generics, .. } = method;
    let cfg = &method.attributes.cfg;
    let lifetime = receiver_lifetime(method);
    let parameters = messages::parameters(method);
    let names = method.arguments.iter().map(messages::name);
    let reply = messages::reply(method);
    let [answer, error] = ["answer", "error"].map(names::local);
    // An inherent function wins over one of a trait, so this is the fallible method.
    let call = quote!(#client::#ident(self, #(#names),*));
    let body = if method.options.oneway.is_some() {
        quote!(::core::mem::drop(#call))
    } else {
        let place = messages::place(&reply);
        let located = messages::located(error.clone(), place);
        let failed = quote_spanned! {place=>
            ::core::result::Result::Err(::core::convert::From::from(#located))
        };
        quote! {
            match #call {
                ::core::result::Result::Ok(#answer) => #answer,
                ::core::result::Result::Err(#error) => #failed,
            }
        }
    };
    quote! {
        #(#cfg)*
        fn #ident #generics (&#lifetime self, #parameters) -> #reply { #body }
    }
}
