use farcall::{Context, rpc_interface};

#[rpc_interface]
pub trait Store {
    fn f(&self, #[cfg_attr(all(), cfg_attr(all(), ctx))] cx: &Context);
}

fn main() {}
