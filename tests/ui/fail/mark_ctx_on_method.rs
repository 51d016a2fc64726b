use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[ctx]
    fn f(&self, key: u32);
}

fn main() {}
