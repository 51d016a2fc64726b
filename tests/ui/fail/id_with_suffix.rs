use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc(id = 7u64)]
    fn f(&self);
}

fn main() {}
