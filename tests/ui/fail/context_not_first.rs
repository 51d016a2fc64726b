use farcall::{Context, rpc_interface};

#[rpc_interface]
pub trait Store {
    fn f(&self, x: u32, #[ctx] cx: &Context);
}

fn main() {}
