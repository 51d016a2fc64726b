//! A crate that wraps farcall says where it can be found.

mod wrapper {
    pub mod inner {
        pub use farcall::*;
    }
}

use wrapper::inner as renamed;

#[renamed::rpc_interface(crate = crate::wrapper::inner, name = "wrapped")]
pub trait Wrapped {
    fn method(&self, value: Value) -> Value;
}

#[derive(renamed::Marshal)]
#[marshal(crate = renamed)]
pub struct Value {
    number: u32,
}

pub fn use_it(client: &renamed::Client, value: Value) {
    let _ = WrappedClient::from(client).method(value);
}

fn main() {}
