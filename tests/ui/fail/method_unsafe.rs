use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    unsafe fn f(&self);
}

fn main() {}
