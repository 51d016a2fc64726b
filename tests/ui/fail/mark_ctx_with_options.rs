use farcall::{Context, rpc_interface};

#[rpc_interface]
pub trait Store {
    fn f(&self, #[ctx(late)] cx: &Context);
}

fn main() {}
