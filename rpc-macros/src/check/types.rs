//! Questions about types. Each looks at any depth and answers with the tokens to point at.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{
    BoundLifetimes, Expr, GenericArgument, Lifetime, Path, PathArguments, Type, TypeImplTrait,
    TypeReference, parse_quote,
};

/// A `&mut T`.
pub(super) fn mutable_reference(ty: &Type) -> Option<TokenStream> {
    search(ty).mutable_reference
}

/// An `impl Trait`.
pub(super) fn impl_trait(ty: &Type) -> Option<TokenStream> {
    search(ty).impl_trait
}

/// The lifetime `'static`.
pub(super) fn static_lifetime(ty: &Type) -> Option<Lifetime> {
    search(ty).static_lifetime
}

/// The word `Self`.
pub(super) fn self_type(ty: &Type) -> Option<Ident> {
    search(ty).self_type
}

/// Whether rustc refuses the type wherever it is written: it has a `_` in place of a type, a `!` as
/// an argument, or a length that depends on `Self`.
pub(super) fn is_rejected_by_rustc(ty: &Type) -> bool {
    search(ty).is_rejected_by_rustc
}

/// Whether there is a reference or any lifetime.
pub(super) fn borrows(ty: &Type) -> bool {
    let found = search(ty);
    found.has_reference || !found.lifetimes.is_empty()
}

/// The names of the lifetimes that come from outside the type.
pub(super) fn lifetimes(ty: &Type) -> Vec<Ident> {
    search(ty).lifetimes
}

/// Whether the type is `()`.
pub(super) fn is_unit(ty: &Type) -> bool {
    matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// What to return in place of a type that borrows.
pub(super) fn owned(ty: &Type) -> String {
    let mut ty = ty.clone();
    Owner.visit_type_mut(&mut ty);
    if borrows(&ty) || !unsendable(&ty).is_empty() {
        return "a type that owns its parts".to_owned();
    }
    format!("`{}`", shown(&ty))
}

/// A type the way people write it; tokens alone print with a space between any two.
pub(super) fn shown(ty: &Type) -> String {
    let mut text = ty.to_token_stream().to_string();
    for (spaced, tight) in
        [(" :: ", "::"), (" < ", "<"), (" >", ">"), (" ,", ","), ("& ", "&"), (" ;", ";")]
    {
        text = text.replace(spaced, tight);
    }
    text
}

/// Parts that certainly cannot be sent, each with what to do instead. Only such parts are visited
/// whose values are sent with the whole: a type of the user's may well have a function type as a mere
/// parameter.
pub(crate) fn unsendable(ty: &Type) -> Vec<(TokenStream, String)> {
    match ty {
        Type::FnPtr(function) => {
            let reason = "a function cannot be sent: send its result, or an enum that says which \
                          one to run";
            vec![(function.to_token_stream(), reason.to_owned())]
        }
        Type::Ptr(pointer) => {
            let reason = "a pointer means nothing to the other end: send the value itself";
            vec![(pointer.to_token_stream(), reason.to_owned())]
        }
        Type::TraitObject(object) => {
            let reason = format!(
                "`{}` may be any type: both ends must agree on one encoding; name a concrete type, \
                 for example an enum",
                shown(ty)
            );
            vec![(object.to_token_stream(), reason)]
        }
        Type::Group(group) => unsendable(&group.elem),
        Type::Paren(paren) => unsendable(&paren.elem),
        Type::Reference(reference) => unsendable(&reference.elem),
        Type::Array(array) => unsendable(&array.elem),
        Type::Slice(slice) => unsendable(&slice.elem),
        Type::Tuple(tuple) => tuple.elems.iter().flat_map(unsendable).collect(),
        Type::Path(path) => contained(&path.path).flat_map(unsendable).collect(),
        _ => Vec::new(),
    }
}

/// The types whose values a well-known container holds.
fn contained(path: &Path) -> impl Iterator<Item = &Type> {
    const CONTAINERS: [&str; 7] = ["Arc", "Box", "Option", "Rc", "Result", "Vec", "VecDeque"];
    path.segments
        .last()
        .filter(|last| CONTAINERS.iter().any(|name| last.ident == name))
        .and_then(|last| match &last.arguments {
            PathArguments::AngleBracketed(arguments) => Some(&arguments.args),
            PathArguments::None | PathArguments::Parenthesized(_) => None,
        })
        .into_iter()
        .flatten()
        .filter_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        })
}

/// Replaces what borrows by what owns the same.
struct Owner;

impl VisitMut for Owner {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        while let Type::Reference(reference) = ty {
            *ty = (*reference.elem).clone();
        }
        match ty {
            Type::Path(path) if path.path.is_ident("str") => *ty = parse_quote!(String),
            Type::Slice(slice) => {
                let mut element = (*slice.elem).clone();
                self.visit_type_mut(&mut element);
                *ty = parse_quote!(Vec<#element>);
            }
            other => {
                if let Some(borrowed) = inside_cow(other) {
                    *other = borrowed;
                    self.visit_type_mut(other);
                } else {
                    visit_mut::visit_type_mut(self, other);
                }
            }
        }
    }
}

/// The `T` of `Cow<'a, T>`.
fn inside_cow(ty: &Type) -> Option<Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Cow")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty.clone()),
        _ => None,
    })
}

/// The first of each thing that a rule asks for.
#[derive(Default)]
struct Found {
    mutable_reference: Option<TokenStream>,
    impl_trait: Option<TokenStream>,
    static_lifetime: Option<Lifetime>,
    self_type: Option<Ident>,
    is_rejected_by_rustc: bool,
    has_reference: bool,
    /// All of them, save those that a `for<..>` inside the type declares.
    lifetimes: Vec<Ident>,
}

fn search(ty: &Type) -> Found {
    let mut found = Found::default();
    found.visit_type(ty);
    found.is_rejected_by_rustc &= !matches!(ty, Type::Never(_));
    found
}

impl<'ast> Visit<'ast> for Found {
    fn visit_type(&mut self, ty: &'ast Type) {
        match ty {
            Type::Infer(_) | Type::Never(_) => self.is_rejected_by_rustc = true,
            // No binder reaches out of these, and their elided lifetimes are their own.
            Type::FnPtr(_) => return,
            _ => {}
        }
        visit::visit_type(self, ty);
    }

    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        self.has_reference = true;
        if reference.mutability.is_some() {
            self.mutable_reference.get_or_insert_with(|| reference.to_token_stream());
        }
        visit::visit_type_reference(self, reference);
    }

    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        self.impl_trait.get_or_insert_with(|| ty.to_token_stream());
        visit::visit_type_impl_trait(self, ty);
    }

    fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
        self.lifetimes.push(lifetime.ident.clone());
        if lifetime.ident == "static" {
            self.static_lifetime.get_or_insert_with(|| lifetime.clone());
        }
    }

    fn visit_bound_lifetimes(&mut self, _: &'ast BoundLifetimes) {}

    fn visit_path(&mut self, path: &'ast Path) {
        if let Some(first) = path.segments.first().filter(|first| first.ident == "Self") {
            self.self_type.get_or_insert_with(|| first.ident.clone());
        }
        visit::visit_path(self, path);
    }

    /// Of the lengths of arrays and the arguments for constants. That they cannot depend on `Self` is
    /// what rustc says about the trait, which is there in any case.
    fn visit_expr(&mut self, expression: &'ast Expr) {
        let outside = self.self_type.take();
        visit::visit_expr(self, expression);
        self.is_rejected_by_rustc |= self.self_type.is_some();
        self.self_type = outside;
    }
}
