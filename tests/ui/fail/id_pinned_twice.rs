use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc(id = 7)]
    fn a(&self);
    #[rpc(id = 7)]
    fn b(&self);
}

fn main() {}
