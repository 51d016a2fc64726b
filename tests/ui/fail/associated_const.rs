use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    const LIMIT: u32;
    fn f(&self) -> u32;
}

fn main() {}
