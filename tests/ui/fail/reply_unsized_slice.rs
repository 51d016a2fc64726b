use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(&self) -> [u32];
}

fn main() {}
