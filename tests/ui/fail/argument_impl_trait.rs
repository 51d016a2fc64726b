use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(&self, x: impl Into<u32>);
}

fn main() {}
