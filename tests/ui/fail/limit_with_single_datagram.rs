use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc(single_datagram, max_reply = 64)]
    fn get(&self, key: u32) -> Vec<u8>;
}

fn main() {}
