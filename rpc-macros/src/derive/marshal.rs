//! The impl of `Marshal`.

use proc_macro2::TokenStream;
use quote::quote;

use super::input::{Field, Input, Shape, Variant};
use super::{bounded, impl_attributes};
use crate::codegen::paths::Paths;
use crate::names;

pub(super) fn implementation(input: &Input<'_>, paths: Paths<'_>) -> TokenStream {
    let attributes = impl_attributes();
    let (marshal, writer, schema) = (paths.marshal(), paths.writer(), paths.schema());
    let generics = bounded(input, &marshal);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let ident = input.ident;
    let [out, description] = ["out", "schema"].map(names::local);
    let max = max(input, paths);
    let write = write(input, paths);
    let describe = describe(input, paths);
    quote! {
        #attributes
        impl #impl_generics #marshal for #ident #ty_generics #where_clause {
            const MAX: ::core::option::Option<::core::primitive::usize> = #max;

            fn marshal(&self, #out: &mut #writer) {
                #write
            }

            fn describe(#description: &mut #schema) {
                #describe
            }
        }
    }
}

/// The most bytes a value takes: all fields, of an enum those of its largest variant and the tag.
fn max(input: &Input<'_>, paths: Paths<'_>) -> TokenStream {
    match &input.shape {
        Shape::Struct(fields) => max_of_fields(fields, paths),
        Shape::Enum(variants) => {
            let (max_add, max_of) = (paths.max_add(), paths.max_of());
            let largest = variants
                .iter()
                .map(|variant| max_of_fields(&variant.fields, paths))
                .reduce(|so_far, variant| quote!(#max_of(#so_far, #variant)));
            quote!(#max_add(::core::option::Option::Some(4), #largest))
        }
    }
}

fn max_of_fields(fields: &[Field<'_>], paths: Paths<'_>) -> TokenStream {
    let max_add = paths.max_add();
    fields
        .iter()
        .map(|field| field.max(paths))
        .reduce(|so_far, field| quote!(#max_add(#so_far, #field)))
        .unwrap_or_else(|| quote!(::core::option::Option::Some(0)))
}

fn write(input: &Input<'_>, paths: Paths<'_>) -> TokenStream {
    let out = names::local("out");
    match &input.shape {
        Shape::Struct(fields) => {
            let fields = fields.iter().map(|field| {
                let member = &field.member;
                field.write(&quote!(&self.#member), paths)
            });
            quote!(#(#fields)*)
        }
        Shape::Enum(variants) => {
            let arms = variants.iter().map(|Variant { tag, ident, fields, .. }| {
                let patterns =
                    fields.iter().map(|Field { member, local, .. }| quote!(#member: #local));
                let writes = fields.iter().map(|field| {
                    let local = &field.local;
                    field.write(&quote!(#local), paths)
                });
                quote! {
                    Self::#ident { #(#patterns),* } => {
                        #out.put_tag(#tag);
                        #(#writes)*
                    }
                }
            });
            quote!(match self { #(#arms)* })
        }
    }
}

fn describe(input: &Input<'_>, paths: Paths<'_>) -> TokenStream {
    let name = &input.name;
    let [description, variants_local] = ["schema", "variants"].map(names::local);
    let key = quote!(::core::any::type_name::<Self>());
    match &input.shape {
        Shape::Struct(fields) => {
            let fields = describe_fields(fields, paths);
            quote!(#description.structure(#key, #name, #fields);)
        }
        Shape::Enum(variants) => {
            let variants = variants.iter().map(|Variant { tag, name, fields, .. }| {
                let fields = describe_fields(fields, paths);
                quote!(#variants_local.variant(#tag, #name, #fields);)
            });
            quote!(#description.enumeration(#key, #name, |#variants_local| { #(#variants)* });)
        }
    }
}

fn describe_fields(fields: &[Field<'_>], paths: Paths<'_>) -> TokenStream {
    let list = names::local("fields");
    let fields = fields.iter().map(|field| field.describe(&list, paths));
    quote!(|#list| { #(#fields)* })
}
