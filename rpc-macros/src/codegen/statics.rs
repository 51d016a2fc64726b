//! The statics that describe the interface and its methods to the runtime.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Context, messages};
use crate::model::Method;
use crate::names;

pub(super) fn items(context: &Context<'_>) -> TokenStream {
    let methods = context.interface.sound_methods().map(|method| method_item(context, method));
    let elements = context.interface.sound_methods().map(|method| {
        let cfg = &method.attributes.cfg;
        let name = names::method_static(&method.ident);
        quote!(#(#cfg)* &#name)
    });
    let item = names::interface_static();
    let name = &context.interface.name;
    let ty = context.paths.interface();
    quote! {
        static #item: #ty = #ty::new(#name, &[#(#elements),*]);
        #(#methods)*
    }
}

fn method_item(context: &Context<'_>, method: &Method) -> TokenStream {
    let cfg = &method.attributes.cfg;
    let item = names::method_static(&method.ident);
    let ty = context.paths.method();
    let name = &method.wire_name;
    let id = method.id.value;
    let describe = messages::describe(context, method);
    let options = &method.options;
    let idempotent = options.idempotent.as_ref().map(|_| quote!(.idempotent()));
    let oneway = options.oneway.as_ref().map(|_| quote!(.oneway()));
    let deadline = options.deadline.as_ref().map(|(_, deadline)| {
        let (seconds, nanos) = (deadline.as_secs(), deadline.subsec_nanos());
        quote!(.deadline(::core::time::Duration::new(#seconds, #nanos)))
    });
    quote! {
        #(#cfg)*
        static #item: #ty = #ty::new(#name, #id, #describe) #idempotent #oneway #deadline;
    }
}
