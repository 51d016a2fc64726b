use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(&self, #[rpc(idempotent)] key: u32);
}

fn main() {}
