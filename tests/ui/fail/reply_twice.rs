use farcall::{Reply, rpc_interface};

#[rpc_interface]
pub trait Store {
    fn f(&self, #[reply] first: Reply<u32>, #[reply] second: Reply<u32>);
}

fn main() {}
