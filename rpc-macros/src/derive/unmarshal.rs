//! The impl of `Unmarshal`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{GenericParam, Generics, Lifetime, parse_quote};

use super::input::{Field, Input, Shape, Variant};
use super::{bounded, impl_attributes};
use crate::codegen::paths::Paths;
use crate::names;

pub(super) fn implementation(input: &Input<'_>, paths: Paths<'_>) -> TokenStream {
    let attributes = impl_attributes();
    let (reader_type, error) = (paths.reader(), paths.decode_error());
    let message = message_lifetime(input.generics);
    let unmarshal = paths.unmarshal();
    let unmarshal = quote!(#unmarshal<#message>);
    let generics = bounded(input, &unmarshal);
    let extended = with_message(&generics, &message);
    let (impl_generics, ..) = extended.split_for_impl();
    let (_, ty_generics, where_clause) = generics.split_for_impl();
    let ident = input.ident;
    let reader = names::local("reader");
    let min = min(input, paths);
    let read = read(input, paths);
    quote! {
        #attributes
        impl #impl_generics #unmarshal for #ident #ty_generics #where_clause {
            const MIN: ::core::primitive::usize = #min;

            fn unmarshal(
                #reader: &mut #reader_type<#message>,
            ) -> ::core::result::Result<Self, #error> {
                #read
            }
        }
    }
}

/// The lifetime of the message that a value is read from: none that the type has itself, since
/// lifetimes in generics obey no hygiene.
fn message_lifetime(generics: &Generics) -> Lifetime {
    let mut name = "'__farcall".to_owned();
    while generics.lifetimes().any(|param| param.lifetime.to_string() == name) {
        name.push('_');
    }
    Lifetime::new(&name, proc_macro2::Span::mixed_site())
}

/// The generics with the message's lifetime in front, which outlives what is borrowed from it.
fn with_message(generics: &Generics, message: &Lifetime) -> Generics {
    let mut generics = generics.clone();
    let borrowed = generics.lifetimes().map(|param| &param.lifetime);
    let param: GenericParam = parse_quote!(#message: #(#borrowed)+*);
    generics.params.insert(0, param);
    generics
}

/// The least bytes a value takes. An enum's is its tag, or a type could not contain itself.
fn min(input: &Input<'_>, paths: Paths<'_>) -> TokenStream {
    match &input.shape {
        Shape::Struct(fields) => {
            let min_add = paths.min_add();
            fields
                .iter()
                .map(|field| field.min(paths))
                .reduce(|so_far, field| quote!(#min_add(#so_far, #field)))
                .unwrap_or_else(|| quote!(0))
        }
        Shape::Enum(_) => quote!(4),
    }
}

fn read(input: &Input<'_>, paths: Paths<'_>) -> TokenStream {
    let reader = names::local("reader");
    let name = &input.name;
    match &input.shape {
        Shape::Struct(fields) => {
            let fields = read_fields(fields, name, paths);
            quote!(::core::result::Result::Ok(Self { #fields }))
        }
        Shape::Enum(variants) => {
            let arms = variants.iter().map(|variant| {
                let Variant { tag, ident, fields, .. } = variant;
                let fields = read_fields(fields, &format!("{name}::{}", variant.name), paths);
                quote!(#tag => ::core::result::Result::Ok(Self::#ident { #fields }),)
            });
            let tag = names::local("tag");
            quote! {
                match #reader.read_tag()? {
                    #(#arms)*
                    #tag => ::core::result::Result::Err(#reader.unknown_variant(#name, #tag)),
                }
            }
        }
    }
}

/// The fields in their order, which is also the order of evaluation.
fn read_fields(fields: &[Field<'_>], owner: &str, paths: Paths<'_>) -> TokenStream {
    let fields = fields.iter().map(|field| {
        let (member, value) = (&field.member, field.read(owner, paths));
        quote!(#member: #value)
    });
    quote!(#(#fields),*)
}
