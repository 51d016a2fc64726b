use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc(id = 0xe40c292c)]
    fn f(&self);
    fn a(&self);
}

fn main() {}
