use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc(id = 1)]
    #[rpc(id = 2)]
    fn f(&self);
}

fn main() {}
