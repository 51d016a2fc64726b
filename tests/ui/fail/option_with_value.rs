use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc(idempotent = true)]
    fn f(&self);
}

fn main() {}
