use farcall::rpc_interface;

#[rpc_interface(crate = farcall, crate = ::farcall)]
pub trait Store {
    fn f(&self);
}

fn main() {}
