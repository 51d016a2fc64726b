//! The statics that describe the interface and its methods to the runtime, and next to each method
//! the function that encodes its arguments.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::Path;

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
    let checks = context.interface.sound_methods().filter_map(|method| size_check(context, method));
    quote! {
        static #item: #ty = #ty::new(#name, &[#(#elements),*]);
        #(#methods)*
        #(#checks)*
    }
}

/// For `single_datagram`: what is too large is an error of the program, at the mark.
fn size_check(context: &Context<'_>, method: &Method) -> Option<TokenStream> {
    let mark = method.options.single_datagram.as_ref()?;
    let place = messages::place(mark);
    let cfg = &method.attributes.cfg;
    let name = format!("`{}::{}`", context.interface.ident, method.wire_name);
    let assert = messages::moved(context.paths.assert_single_datagram(), place);
    let (request_room, reply_room) = (context.paths.request_room(), context.paths.reply_room());
    let what = format!("the arguments of {name}");
    let max = messages::arguments_max(context, method);
    let arguments = quote_spanned!(place=> #assert(#what, #max, #request_room));
    let reply = method.options.oneway.is_none().then(|| {
        let what = format!("the reply of {name}");
        let returned = messages::returned(context, method);
        quote_spanned!(place=> #assert(#what, #returned::MOST, #reply_room))
    });
    Some(quote! {
        #(#cfg)*
        const _: () = { #arguments; #reply };
    })
}

fn method_item(context: &Context<'_>, method: &Method) -> TokenStream {
    let cfg = &method.attributes.cfg;
    let item = names::method_static(&method.ident);
    let ty = context.paths.method();
    let name = &method.wire_name;
    let id = method.id.value;
    let describe = messages::describe(context, method);
    let encoder = messages::encoder(context, method);
    let options = &method.options;
    let idempotent = options.idempotent.as_ref().map(|_| quote!(.idempotent()));
    let oneway = options.oneway.as_ref().map(|_| quote!(.oneway()));
    let deadline = options.deadline.as_ref().map(|(_, deadline)| {
        let (seconds, nanos) = (deadline.as_secs(), deadline.subsec_nanos());
        quote!(.deadline(::core::time::Duration::new(#seconds, #nanos)))
    });
    let bytes = |(_, bytes): &(Path, u32)| Literal::u32_unsuffixed(*bytes);
    let max_request = options.max_request.as_ref().map(bytes);
    let max_request = max_request.map(|bytes| quote!(.largest_request(#bytes)));
    let max_reply = options.max_reply.as_ref().map(bytes);
    let max_reply = max_reply.map(|bytes| quote!(.largest_reply(#bytes)));
    quote! {
        #(#cfg)*
        static #item: #ty = #ty::new(#name, #id, #describe)
            #idempotent #oneway #deadline #max_request #max_reply;

        #encoder
    }
}
