//! The stub whose calls do not wait. It has the user's methods only, so none can collide with ours.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Context, client, debug_impl, messages};
use crate::model::Method;
use crate::names;

/// The struct.
pub(super) fn declaration(context: &Context<'_>) -> TokenStream {
    let Context { interface, start, .. } = context;
    let visibility = &interface.visibility;
    let inner = context.paths.client();
    let summary = format!(
        " The methods of [`{}`] in the form that does not wait: each returns a handle of the \
         running call.",
        interface.ident
    );
    quote! {
        #[doc = #summary]
        #visibility struct #start<'c> {
            inner: &'c #inner,
        }
    }
}

/// The impls.
pub(super) fn impls(context: &Context<'_>) -> TokenStream {
    let Context { interface, start, .. } = context;
    // Nobody could wait for a oneway call.
    let methods = interface
        .sound_methods()
        .filter(|method| method.options.oneway.is_none())
        .map(|method| method_item(context, method));
    let debug = debug_impl(start, &quote!(#start<'_>), &quote!());
    quote! {
        impl #start<'_> { #(#methods)* }
        #debug
    }
}

fn method_item(context: &Context<'_>, method: &Method) -> TokenStream {
    let (returned, pending) = (messages::returned(context, method), context.paths.pending());
    let [interface, description] = [names::interface_static(), names::method_static(&method.ident)];
    let reply = messages::reply(method);
    let encoded = messages::encoded(method);
    let docs = client::docs(context, method, "Starts", " Every error is that of the handle.");
    let signature = client::signature(context, method, &quote!(#pending<#reply>));
    quote! {
        #docs
        #signature {
            #returned::start(self.inner, &#interface, &#description, #encoded)
        }
    }
}
