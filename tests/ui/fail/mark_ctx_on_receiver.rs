use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(#[ctx] &self, key: u32);
}

fn main() {}
