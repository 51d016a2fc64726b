use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(&self) -> impl Iterator<Item = u32>;
}

fn main() {}
