use farcall::rpc_interface;

#[rpc_interface]
pub trait Store<const N: usize> {
    fn f(&self);
}

fn main() {}
