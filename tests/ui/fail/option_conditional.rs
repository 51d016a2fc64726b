use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[cfg_attr(all(), rpc(idempotent))]
    fn f(&self);
}

fn main() {}
