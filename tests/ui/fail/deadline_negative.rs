use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc(deadline = "-1s")]
    fn f(&self);
}

fn main() {}
