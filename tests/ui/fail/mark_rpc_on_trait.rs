use farcall::rpc_interface;

#[rpc_interface]
#[rpc(idempotent)]
pub trait Store {
    fn f(&self);
}

fn main() {}
