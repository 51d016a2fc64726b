//! Questions about types. Each looks at any depth and answers with the tokens to point at.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Lifetime, Path, Type, TypeImplTrait, TypeReference};

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

/// Whether there is a `_` in place of a type.
pub(super) fn has_placeholder(ty: &Type) -> bool {
    search(ty).has_placeholder
}

/// Whether there is a reference or any lifetime.
pub(super) fn borrows(ty: &Type) -> bool {
    search(ty).borrows
}

/// Whether the type is `()`.
pub(super) fn is_unit(ty: &Type) -> bool {
    matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// What to return in place of a reference to `referent`.
pub(super) fn owned(referent: &Type) -> String {
    match referent {
        Type::Path(path) if path.path.is_ident("str") => "`String`".to_owned(),
        Type::Slice(slice) => format!("`Vec<{}>`", shown(&slice.elem)),
        other => format!("`{}`", shown(other)),
    }
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

/// The first of each thing that a rule asks for.
#[derive(Default)]
struct Found {
    mutable_reference: Option<TokenStream>,
    impl_trait: Option<TokenStream>,
    static_lifetime: Option<Lifetime>,
    self_type: Option<Ident>,
    has_placeholder: bool,
    borrows: bool,
}

fn search(ty: &Type) -> Found {
    let mut found = Found::default();
    found.visit_type(ty);
    found
}

impl<'ast> Visit<'ast> for Found {
    fn visit_type(&mut self, ty: &'ast Type) {
        self.has_placeholder |= matches!(ty, Type::Infer(_));
        visit::visit_type(self, ty);
    }

    fn visit_type_reference(&mut self, reference: &'ast TypeReference) {
        self.borrows = true;
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
        self.borrows = true;
        if lifetime.ident == "static" {
            self.static_lifetime.get_or_insert_with(|| lifetime.clone());
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if let Some(first) = path.segments.first().filter(|first| first.ident == "Self") {
            self.self_type.get_or_insert_with(|| first.ident.clone());
        }
        visit::visit_path(self, path);
    }
}
