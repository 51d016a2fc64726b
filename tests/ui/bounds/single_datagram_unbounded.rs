use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc(single_datagram)]
    fn put(&self, key: &str);
}

fn main() {}
