use farcall::rpc_interface;

#[rpc_interface]
#[ctx]
pub trait Store {
    fn f(&self);
}

fn main() {}
