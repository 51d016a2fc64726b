use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    const fn f(&self);
}

fn main() {}
