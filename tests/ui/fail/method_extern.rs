use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    extern "C" fn f(&self);
}

fn main() {}
