use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(&self, x: Option<&u32>);
}

fn main() {}
