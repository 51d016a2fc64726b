use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc(deadline = "30")]
    fn f(&self);
}

fn main() {}
