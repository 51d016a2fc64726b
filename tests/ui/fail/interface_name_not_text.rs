use farcall::rpc_interface;

#[rpc_interface(name = store)]
pub trait Store {
    fn f(&self);
}

fn main() {}
