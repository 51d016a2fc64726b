use farcall::{Reply, rpc_interface};

#[rpc_interface]
pub trait Store {
    fn f(&self, #[reply] to: &Reply<u32>);
}

fn main() {}
