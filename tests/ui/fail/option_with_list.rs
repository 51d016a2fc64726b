use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc(id(7))]
    fn f(&self);
}

fn main() {}
