use farcall::rpc_interface;

#[rpc_interface(name)]
pub trait Store {
    fn f(&self);
}

fn main() {}
