use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc(idempotant, id = 7)]
    fn f(&self);
}

fn main() {}
