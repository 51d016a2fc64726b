//! Traits and types that `macro_rules!` has written, with invisible groups around the fragments.

#![deny(warnings)]

use farcall::Client;

macro_rules! interface {
    ($name:ident, $method:ident, $argument:ty, $borrowed:ty, $reply:ty, $visibility:vis) => {
        #[farcall::rpc_interface]
        $visibility trait $name {
            fn $method(&self, argument: $argument, borrowed: $borrowed) -> $reply;
            fn fixed(&self, argument: $reply);
            #[rpc(oneway)]
            fn log(&self) -> ();
        }
    };
}

interface!(Made, method, u32, &str, String, pub);
interface!(Hidden, method, Option<&str>, &[u8], (), pub(crate));

macro_rules! value {
    ($name:ident, $field:ident: $ty:ty) => {
        #[derive(farcall::Marshal)]
        pub struct $name {
            pub $field: $ty,
        }
    };
}

value!(Value, field: Vec<u8>);

pub fn use_it(client: &Client) {
    let _ = MadeClient::from(client).method(1, "");
    let _ = HiddenClient::from(client).start().method(None, &[]);
}

fn main() {}
