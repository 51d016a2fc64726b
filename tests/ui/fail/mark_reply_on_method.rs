use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[reply]
    fn f(&self) -> u32;
}

fn main() {}
