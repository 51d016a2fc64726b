use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc(max_reply = "64 kB")]
    fn get(&self, key: u32) -> Vec<u8>;
}

fn main() {}
