use farcall::rpc_interface;

#[rpc_interface("acme.admin")]
pub trait Store {
    fn f(&self);
}

fn main() {}
