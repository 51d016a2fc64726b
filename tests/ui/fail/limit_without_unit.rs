use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc(max_reply = "65536")]
    fn get(&self, key: u32) -> Vec<u8>;
}

fn main() {}
