//! The stages of the attribute in their order.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Error, Item, ItemTrait};

use crate::diagnostics::Diagnostics;
use crate::{attr, check, codegen, parse};

/// What `#[rpc_interface]` makes of its arguments and of the item it stands on.
pub(crate) fn interface(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let options = attr::interface_options(arguments, &mut diagnostics);
    let declaration: ItemTrait = match syn::parse2(item.clone()) {
        Ok(declaration) => declaration,
        Err(error) => {
            diagnostics.absorb(not_a_trait(&item).unwrap_or(error));
            let errors = diagnostics.into_compile_errors();
            return quote!(#errors #item);
        }
    };

    let mut interface = parse::interface(&declaration, options, &mut diagnostics);
    check::interface(&mut interface, &mut diagnostics);

    let stubs = codegen::stubs(&interface);
    let declaration = parse::declaration(declaration);
    let errors = diagnostics.into_compile_errors();
    if errors.is_empty() {
        quote!(#declaration #stubs)
    } else {
        let declaration = codegen::fallback::declaration(declaration);
        quote!(#errors #declaration #stubs)
    }
}

/// The mistake, if the item is something else than a trait; rustc has accepted its syntax.
fn not_a_trait(item: &TokenStream) -> Option<Error> {
    let is_trait = matches!(syn::parse2(item.clone()), Ok(Item::Trait(_)) | Err(_));
    let message = "`#[rpc_interface]` belongs on a trait";
    (!is_trait).then(|| Error::new(Span::call_site(), message))
}
