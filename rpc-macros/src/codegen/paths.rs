//! Every path that generated code names.
//!
//! All of them are absolute: the user's module may have its own `Result`, `Option` or `Client`, and
//! may have no prelude. What begins at `root` is the facade; this file is the list of what the
//! facade has to offer to generated code.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Path;

/// Paths into the facade crate.
#[derive(Clone, Copy)]
pub(crate) struct Paths<'a> {
    root: &'a Path,
}

macro_rules! paths {
    ($($(#[$doc:meta])* $name:ident => $($path:ident)::+;)*) => {
        impl<'a> Paths<'a> {
            pub(crate) fn new(root: &'a Path) -> Self {
                Self { root }
            }

            $(
                $(#[$doc])*
                pub(crate) fn $name(self) -> TokenStream {
                    let root = self.root;
                    quote!(#root::$($path)::+)
                }
            )*
        }
    };
}

paths! {
    // What users name as well.
    client => Client;
    stub => Stub;
    pending => Pending;
    call_error => CallError;
    connect_error => ConnectError;
    server_address => ServerAddress;
    network => Network;

    // The encoding.
    marshal => __private::Marshal;
    unmarshal => __private::Unmarshal;
    sendable => __private::Sendable;
    writer => __private::Writer;
    reader => __private::Reader;
    decode_error => __private::DecodeError;
    schema => __private::Schema;
    foreign => __private::Serde;
    marshal_foreign => __private::marshal_foreign;
    max_add => __private::max_add;
    max_of => __private::max_of;
    min_add => __private::min_add;

    // The runtime.
    interface => __private::Interface;
    method => __private::Method;
    service => __private::Service;
    incoming_call => __private::Call;
    answer => __private::Answer;
    spawner => __private::Spawner;
    call_future => CallFuture;
    assert_single_datagram => __private::assert_single_datagram;
    request_room => __private::REQUEST_ROOM;
    reply_room => __private::REPLY_ROOM;
    decoded => __private::decoded;
    returned => __private::Returned;
    send => __private::send;
}
