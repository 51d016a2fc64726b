use farcall::rpc_interface;

#[rpc_interface]
pub trait Store<'a> {
    fn f(&self);
}

fn main() {}
