use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc(deadline)]
    fn f(&self);
}

fn main() {}
