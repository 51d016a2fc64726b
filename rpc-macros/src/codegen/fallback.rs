//! What is given back to rustc beside the messages, so that one mistake gives one message.
//!
//! The trait stays, since impls and bounds name it, and so do the stubs, with the methods that have
//! no mistake. That part needs no code of its own: the code generator leaves out what is not sound.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{FnArg, ItemTrait, Pat, TraitItem, parse_quote};

/// The trait with a mistake in it, reduced to what rustc does not report as well.
pub(crate) fn declaration(mut item: ItemTrait) -> TokenStream {
    item.modifiers.auto_token = None;
    // Such items have a syntax of the future, which rustc refuses in its own words.
    item.items.retain(|item| !matches!(item, TraitItem::Verbatim(_)));
    for item in &mut item.items {
        let TraitItem::Fn(function) = item else { continue };
        function.sig.constness = None;
        function.sig.variadic = None;
        // Without a body, rustc refuses any pattern that takes the argument apart.
        if function.default.is_none() {
            for argument in &mut function.sig.inputs {
                if let FnArg::Typed(typed) = argument
                    && !matches!(&*typed.pat, Pat::Ident(_))
                {
                    *typed.pat = parse_quote!(_);
                }
            }
        }
    }
    quote! {
        #[allow(async_fn_in_trait)]
        #item
    }
}
