use farcall::rpc_interface;

#[rpc_interface(nam = "store")]
pub trait Store {
    fn f(&self);
}

fn main() {}
