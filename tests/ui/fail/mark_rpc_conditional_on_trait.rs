use farcall::rpc_interface;

#[rpc_interface]
#[cfg_attr(all(), rpc(idempotent))]
pub trait Store {
    fn f(&self);
}

fn main() {}
