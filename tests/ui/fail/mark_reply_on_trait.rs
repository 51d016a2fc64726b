use farcall::rpc_interface;

#[rpc_interface]
#[reply]
pub trait Store {
    fn f(&self);
}

fn main() {}
