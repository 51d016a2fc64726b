use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc()]
    fn f(&self);
}

fn main() {}
