use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    async fn f(&self) -> u32 {
        0
    }
}

fn main() {}
