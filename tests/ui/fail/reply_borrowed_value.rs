use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(&self) -> &Vec<u32>;
}

fn main() {}
