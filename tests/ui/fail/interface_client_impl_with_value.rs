use farcall::rpc_interface;

#[rpc_interface(client_impl = true)]
pub trait Store {
    fn f(&self);
}

fn main() {}
