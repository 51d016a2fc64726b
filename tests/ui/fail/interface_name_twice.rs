use farcall::rpc_interface;

#[rpc_interface(name = "a", name = "b")]
pub trait Store {
    fn f(&self);
}

fn main() {}
