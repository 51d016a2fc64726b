use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc(deadline = "99999999999999999999y")]
    fn f(&self);
}

fn main() {}
