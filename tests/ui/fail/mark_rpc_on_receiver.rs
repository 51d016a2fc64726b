use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(#[rpc(oneway)] &self);
}

fn main() {}
