use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(&'static self);
}

fn main() {}
