use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc(oneway)]
    async fn f(&self) -> u32;
}

fn main() {}
