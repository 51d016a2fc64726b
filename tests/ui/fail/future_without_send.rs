use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(&self) -> impl Future<Output = u32>;
}

fn main() {}
