use std::borrow::Cow;

use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(&self, x: Cow<'static, str>);
}

fn main() {}
