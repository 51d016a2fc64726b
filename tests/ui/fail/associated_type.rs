use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    type Key;
    fn f(&self) -> u32;
}

fn main() {}
