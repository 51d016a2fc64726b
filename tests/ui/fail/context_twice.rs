use farcall::{Context, rpc_interface};

#[rpc_interface]
pub trait Store {
    fn f(&self, #[ctx] a: &Context, #[ctx] b: &Context);
}

fn main() {}
