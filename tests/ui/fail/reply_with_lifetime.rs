use std::borrow::Cow;

use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f<'a>(&'a self) -> Cow<'a, str>;
}

fn main() {}
