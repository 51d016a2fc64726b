//! `#[derive(Marshal)]`: how a type is written to and read from a message.
//!
//! The stages are those of the attribute, each smaller: `input` reads and judges, `marshal` and
//! `unmarshal` write one impl each.

mod input;
mod marshal;
mod unmarshal;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Generics, WherePredicate, parse_quote};

use crate::codegen::paths::Paths;
use crate::diagnostics::Diagnostics;
use input::Input;

/// The impls for a type, or the reasons why there are none.
pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let item: DeriveInput = match syn::parse2(item) {
        Ok(item) => item,
        Err(error) => {
            diagnostics.absorb(error);
            return diagnostics.into_compile_errors();
        }
    };
    let impls = input::read(&item, &mut diagnostics).map(|input| {
        let paths = Paths::new(&input.root);
        let parts =
            [marshal::implementation(&input, paths), unmarshal::implementation(&input, paths)];
        quote!(#(#parts)*)
    });
    let errors = diagnostics.into_compile_errors();
    quote!(#errors #impls)
}

/// Attributes of a generated impl. The fields' types are the user's, and so are lints about them.
fn impl_attributes() -> TokenStream {
    quote! {
        #[automatically_derived]
        #[allow(
            deprecated,
            unused_qualifications,
            clippy::all,
            clippy::pedantic,
            clippy::nursery,
            clippy::restriction
        )]
    }
}

/// The where-clause: the user's, and the bound for every type parameter unless the user gave
/// others.
fn bounded(input: &Input<'_>, bound: &TokenStream) -> Generics {
    let mut generics = input.generics.clone();
    let params: Vec<_> = input.generics.type_params().map(|param| param.ident.clone()).collect();
    let predicates: Vec<WherePredicate> = match &input.bound {
        Some(predicates) => predicates.clone(),
        None => params.iter().map(|param| parse_quote!(#param: #bound)).collect(),
    };
    if !predicates.is_empty() {
        generics.make_where_clause().predicates.extend(predicates);
    }
    generics
}

#[cfg(test)]
mod tests;
