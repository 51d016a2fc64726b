use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc(single_datagram = true)]
    fn f(&self);
}

fn main() {}
