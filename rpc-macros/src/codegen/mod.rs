//! From the checked model to tokens. Nothing here reports errors or looks at syntax again.
//!
//! The generated items, in order:
//!
//! 1. the trait, as written without our attributes (made by `parse`);
//! 2. `CalculatorClient`, `CalculatorStart` and `CalculatorServer`, next to the trait;
//! 3. one unnamed constant that hides the rest: the statics that describe the interface to the
//!    runtime, the impls of the three stubs, and with `client_impl` the trait for the client;
//! 4. another one for the functions that are ours and have parameters with plain names.

pub(crate) mod fallback;
pub(crate) mod paths;

mod client;
mod messages;
mod server;
mod start;
mod statics;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use crate::model::Interface;
use crate::names;
use paths::Paths;

/// What every part of the code generator needs.
struct Context<'a> {
    interface: &'a Interface,
    paths: Paths<'a>,
    client: Ident,
    start: Ident,
    server: Ident,
}

/// Everything that stands next to the trait.
pub(crate) fn stubs(interface: &Interface) -> TokenStream {
    let context = Context {
        interface,
        paths: Paths::new(&interface.root),
        client: names::client(&interface.ident),
        start: names::start(&interface.ident),
        server: names::server(&interface.ident),
    };
    let attributes = item_attributes(interface);
    let structs = [
        client::declaration(&context),
        start::declaration(&context),
        server::declaration(&context),
    ];
    let hidden = [
        statics::items(&context),
        client::impls(&context),
        start::impls(&context),
        server::impls(&context),
    ];
    let named = named(&context);
    quote! {
        #(#attributes #structs)*
        #attributes
        const _: () = { #(#hidden)* };
        #attributes
        const _: () = { #named };
    }
}

/// The functions whose parameters have plain names, because documentation and editors show them.
///
/// A constant of the user's with such a name would make a pattern of the parameter. A function that is
/// nearer hides the constant, and a parameter may hide a function. No type of the user's is named here
/// that could mean the constant.
fn named(context: &Context<'_>) -> TokenStream {
    let names = ["server", "network", "name", "service", "spawn"];
    let hiding = names.map(|name| Ident::new(name, proc_macro2::Span::mixed_site()));
    let parts = [client::facilities(context), server::constructors(context)];
    quote! {
        #(fn #hiding() {})*
        #(#parts)*
    }
}

/// The attributes of a generated item at the level of the trait.
///
/// A stub is complete whether or not the user calls every part of it, and its shape follows the
/// user's names; lints about either would be about code that the user cannot change.
fn item_attributes(interface: &Interface) -> TokenStream {
    let cfg = &interface.attributes.cfg;
    let lints = &interface.attributes.lints;
    quote! {
        #(#cfg)*
        #(#lints)*
        #[allow(
            dead_code,
            deprecated,
            missing_copy_implementations,
            non_camel_case_types,
            non_upper_case_globals,
            unreachable_pub,
            unused_lifetimes,
            unused_qualifications,
            clippy::all,
            clippy::pedantic,
            clippy::nursery,
            clippy::restriction
        )]
    }
}

/// The body of `Debug::fmt` for a stub: its name, since what is inside is the runtime's.
fn debug_impl(name: &Ident, ty: &TokenStream, generics: &TokenStream) -> TokenStream {
    let name = name.to_string();
    let formatter = names::local("formatter");
    quote! {
        #[automatically_derived]
        impl #generics ::core::fmt::Debug for #ty {
            fn fmt(&self, #formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                #formatter.debug_struct(#name).finish_non_exhaustive()
            }
        }
    }
}

#[cfg(test)]
mod tests;
