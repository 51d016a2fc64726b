use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc(single_datagram)]
    fn get(&self, key: [u8; 32]) -> [u64; 200];
}

fn main() {}
