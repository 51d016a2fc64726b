use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc(7)]
    fn f(&self);
}

fn main() {}
