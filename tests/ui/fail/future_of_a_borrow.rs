use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    async fn f(&self, text: &str) -> &str;
}

fn main() {}
