//! What a derive is applied to, and whether it can be sent at all.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{
    Attribute, Data, DeriveInput, Expr, ExprLit, Fields, Generics, Lit, Macro, Member, Meta, Path,
    Token, Type, WherePredicate, parse_quote,
};

use crate::attr;
use crate::check;
use crate::codegen::paths::Paths;
use crate::diagnostics::Diagnostics;
use crate::names;

/// A type that impls can be written for.
pub(super) struct Input<'a> {
    /// The path of the facade crate.
    pub(super) root: Path,
    pub(super) ident: &'a Ident,
    /// The name in descriptions and errors.
    pub(super) name: String,
    pub(super) generics: &'a Generics,
    /// The predicates that replace the inferred bounds.
    pub(super) bound: Option<Vec<WherePredicate>>,
    pub(super) shape: Shape<'a>,
}

/// A struct, or an enum's variants in order.
pub(super) enum Shape<'a> {
    Struct(Vec<Field<'a>>),
    Enum(Vec<Variant<'a>>),
}

/// One variant; its tag is its position.
pub(super) struct Variant<'a> {
    pub(super) tag: u32,
    pub(super) ident: &'a Ident,
    pub(super) name: String,
    pub(super) fields: Vec<Field<'a>>,
}

/// One field. Tuple fields are called by their position.
pub(super) struct Field<'a> {
    pub(super) member: Member,
    pub(super) name: String,
    /// The local that holds it after a variant has been taken apart.
    pub(super) local: Ident,
    ty: &'a Type,
    /// Whether it goes through serde.
    is_foreign: bool,
    /// Whether the type depends on a parameter of the whole.
    is_generic: bool,
}

impl Field<'_> {
    /// `<Type as Trait>`, by which everything about the type of the field is asked for.
    ///
    /// It is asked in both impls, with the same words at the same place: only then does rustc report a
    /// field that cannot be sent once. A type that depends on a parameter has nothing but what the bounds
    /// of the impl say, and in that of `Marshal` it has `Marshal` alone.
    fn codec(&self, paths: Paths<'_>) -> TokenStream {
        let sent = self.sent(paths);
        if self.is_generic {
            let marshal = paths.marshal();
            quote!(<#sent as #marshal>)
        } else {
            let sendable = paths.sendable();
            quote!(<#sent as #sendable<'_>>)
        }
    }

    /// The type that knows how the field is read, and how it is described.
    fn sent(&self, paths: Paths<'_>) -> TokenStream {
        let ty = self.ty;
        if self.is_foreign {
            let foreign = paths.foreign();
            quote!(#foreign<#ty>)
        } else {
            quote!(#ty)
        }
    }

    /// The most bytes of a value.
    pub(super) fn max(&self, paths: Paths<'_>) -> TokenStream {
        let codec = self.codec(paths);
        if self.is_generic { quote!(#codec::MAX) } else { quote!(#codec::MOST) }
    }

    /// The fewest bytes of a value.
    pub(super) fn min(&self, paths: Paths<'_>) -> TokenStream {
        let (sent, sendable) = (self.sent(paths), paths.sendable());
        quote!(<#sent as #sendable<'_>>::LEAST)
    }

    /// Writes the value behind a reference.
    pub(super) fn write(&self, reference: &TokenStream, paths: Paths<'_>) -> TokenStream {
        let (ty, out) = (self.ty, names::local("out"));
        if self.is_foreign {
            let marshal = paths.marshal_foreign();
            return quote!(#marshal::<#ty>(#reference, #out););
        }
        let codec = self.codec(paths);
        if self.is_generic {
            quote!(#codec::marshal(#reference, #out);)
        } else {
            quote!(#codec::put(#reference, #out);)
        }
    }

    /// Describes the field to `fields`.
    pub(super) fn describe(&self, fields: &Ident, paths: Paths<'_>) -> TokenStream {
        let (codec, name) = (self.codec(paths), &self.name);
        if self.is_generic {
            quote!(#codec::describe_in(#name, #fields);)
        } else {
            quote!(#codec::describe_field(#name, #fields);)
        }
    }

    /// Reads the value; `owner` is whose field it is.
    pub(super) fn read(&self, owner: &str, paths: Paths<'_>) -> TokenStream {
        let (sent, sendable) = (self.sent(paths), paths.sendable());
        let (name, reader) = (&self.name, names::local("reader"));
        let inner = self.is_foreign.then(|| quote!(.0));
        quote!(<#sent as #sendable<'_>>::take_field(#owner, #name, #reader)? #inner)
    }
}

/// Reads a type. `None` means that no impl can be written; the reason has been reported.
pub(super) fn read<'a>(item: &'a DeriveInput, diagnostics: &mut Diagnostics) -> Option<Input<'a>> {
    let options = options(&item.attrs, diagnostics);
    variants_have_no_options(item, diagnostics);
    type_is_not_packed(item, diagnostics)?;
    let shape = shape(item, diagnostics)?;
    fields_can_be_sent(&shape, diagnostics)?;
    // With wrong options alone the impls are still worth having: they keep the rest of the user's
    // program free of follow-up errors.
    Some(Input {
        root: options.root.unwrap_or_else(|| parse_quote!(::farcall)),
        ident: &item.ident,
        name: names::wire_name(&item.ident),
        generics: &item.generics,
        bound: options.bound,
        shape,
    })
}

#[derive(Default)]
struct Options {
    root: Option<Path>,
    bound: Option<Vec<WherePredicate>>,
}

fn options(attributes: &[Attribute], diagnostics: &mut Diagnostics) -> Options {
    let mut options = Options::default();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("marshal")) {
        let list = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
        let list = match list {
            Ok(list) => list,
            Err(error) => {
                diagnostics.absorb(error);
                continue;
            }
        };
        for meta in list {
            if meta.path().is_ident("crate") {
                let value = attr::crate_path(&meta, diagnostics);
                attr::set(&mut options.root, meta.path(), value, diagnostics);
            } else if meta.path().is_ident("bound") {
                let value = bound(&meta, diagnostics);
                attr::set(&mut options.bound, meta.path(), value, diagnostics);
            } else {
                let message = if meta.path().is_ident("serde") {
                    "`serde` belongs to a field: mark those whose types do not implement `Marshal`"
                } else {
                    "unknown option: `marshal` takes `crate = path` and `bound = \"..\"`"
                };
                diagnostics.report(meta.path(), message);
            }
        }
    }
    options
}

fn bound(meta: &Meta, diagnostics: &mut Diagnostics) -> Option<Vec<WherePredicate>> {
    let text = match meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
            _ => None,
        },
        Meta::Path(_) | Meta::List(_) => None,
    };
    let Some(text) = text else {
        diagnostics.report(meta, "write `bound = \"..\"` with the text of a `where` clause");
        return None;
    };
    let parser = Punctuated::<WherePredicate, Token![,]>::parse_terminated;
    match text.parse_with(|input: syn::parse::ParseStream<'_>| parser.parse2(input.parse()?)) {
        Ok(predicates) => Some(predicates.into_iter().collect()),
        Err(error) => {
            diagnostics.report(text, format!("not a `where` clause: {error}"));
            None
        }
    }
}

fn type_is_not_packed(item: &DeriveInput, diagnostics: &mut Diagnostics) -> Option<()> {
    let packed = item.attrs.iter().find(|attribute| {
        attribute.path().is_ident("repr")
            && attribute
                .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
                .is_ok_and(|list| list.iter().any(|meta| meta.path().is_ident("packed")))
    });
    let Some(attribute) = packed else { return Some(()) };
    let name = &item.ident;
    let message = format!("`{name}` is packed, so its fields cannot be borrowed; remove `packed`");
    diagnostics.report(attribute, message);
    None
}

fn fields_can_be_sent(shape: &Shape<'_>, diagnostics: &mut Diagnostics) -> Option<()> {
    let fields: Vec<_> = match shape {
        Shape::Struct(fields) => fields.iter().collect(),
        Shape::Enum(variants) => variants.iter().flat_map(|variant| &variant.fields).collect(),
    };
    let before = diagnostics.mark();
    for field in fields.into_iter().filter(|field| !field.is_foreign) {
        for (found, reason) in check::unsendable(field.ty) {
            diagnostics.report(found, reason);
        }
    }
    (diagnostics.mark() == before).then_some(())
}

/// Everything that can be said is said about the whole type or about a field.
fn variants_have_no_options(item: &DeriveInput, diagnostics: &mut Diagnostics) {
    let Data::Enum(data) = &item.data else { return };
    let attributes = data.variants.iter().flat_map(|variant| &variant.attrs);
    for attribute in attributes.filter(|found| found.path().is_ident("marshal")) {
        let message = "a variant has no options: `marshal` belongs to the whole type or to a field";
        diagnostics.report(attribute, message);
    }
}

/// Whether a field is marked `#[marshal(serde)]`.
fn is_foreign(attributes: &[Attribute], diagnostics: &mut Diagnostics) -> bool {
    let mut is_foreign = false;
    for attribute in attributes.iter().filter(|found| found.path().is_ident("marshal")) {
        let list = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
        let list = match list {
            Ok(list) => list,
            Err(error) => {
                diagnostics.absorb(error);
                continue;
            }
        };
        for meta in list {
            match meta {
                Meta::Path(path) if path.is_ident("serde") => {
                    is_foreign = true;
                    if !cfg!(feature = "serde") {
                        let message = "`serde` needs farcall's feature of that name: write \
                                       `farcall = { version = \"..\", features = [\"serde\"] }` \
                                       in Cargo.toml";
                        diagnostics.report(path, message);
                    }
                }
                meta if meta.path().is_ident("serde") => {
                    attr::flag(meta, diagnostics);
                }
                meta if meta.path().is_ident("crate") || meta.path().is_ident("bound") => {
                    diagnostics.report(meta, "this option belongs to the whole type");
                }
                meta => diagnostics.report(meta, "unknown option: a field takes `serde`"),
            }
        }
    }
    // Without the feature there is nothing that the impls could name.
    is_foreign && cfg!(feature = "serde")
}

fn shape<'a>(item: &'a DeriveInput, diagnostics: &mut Diagnostics) -> Option<Shape<'a>> {
    let name = &item.ident;
    match &item.data {
        Data::Struct(data) => Some(Shape::Struct(fields(&data.fields, item, diagnostics))),
        Data::Enum(data) if data.variants.is_empty() => {
            diagnostics
                .report(name, format!("`{name}` has no variants: there is no value to send"));
            None
        }
        Data::Enum(data) => {
            let variants = data.variants.iter().zip(0_u32..).map(|(variant, tag)| Variant {
                tag,
                ident: &variant.ident,
                name: names::wire_name(&variant.ident),
                fields: fields(&variant.fields, item, diagnostics),
            });
            Some(Shape::Enum(variants.collect()))
        }
        Data::Union(data) => {
            diagnostics.report(
                data.union_token,
                format!("`{name}` is a union: nobody can tell which field to send; use an enum"),
            );
            None
        }
    }
}

fn fields<'a>(
    fields: &'a Fields,
    item: &DeriveInput,
    diagnostics: &mut Diagnostics,
) -> Vec<Field<'a>> {
    fields
        .members()
        .zip(fields)
        .map(|(member, field)| {
            let name = match &member {
                Member::Named(ident) => names::wire_name(ident),
                Member::Unnamed(index) => index.index.to_string(),
            };
            let local = names::local(&format!("field_{name}"));
            let is_foreign = is_foreign(&field.attrs, diagnostics);
            let is_generic = mentions_parameter(&field.ty, &item.generics);
            Field { member, name, local, ty: &field.ty, is_foreign, is_generic }
        })
        .collect()
}

/// Whether a type names a type parameter. A macro in a type may do so.
fn mentions_parameter(ty: &Type, generics: &Generics) -> bool {
    struct Search<'a> {
        generics: &'a Generics,
        found: bool,
    }
    impl<'ast> Visit<'ast> for Search<'_> {
        fn visit_path(&mut self, path: &'ast Path) {
            let first = path.segments.first();
            self.found |= first.is_some_and(|first| {
                self.generics.type_params().any(|param| param.ident == first.ident)
            });
            visit::visit_path(self, path);
        }

        fn visit_macro(&mut self, _: &'ast Macro) {
            self.found = true;
        }
    }
    let mut search = Search { generics, found: false };
    search.visit_type(ty);
    search.found
}
