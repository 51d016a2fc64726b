use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(&self, done: Option<Box<fn()>>);
}

fn main() {}
