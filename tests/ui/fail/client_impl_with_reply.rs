use farcall::{Reply, rpc_interface};

#[rpc_interface(client_impl)]
pub trait Store {
    fn f(&self, #[reply] to: Reply<u32>);
}

fn main() {}
