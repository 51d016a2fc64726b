use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc(oneway)]
    fn log(&self, line: &str) -> Option<u32>;
}

fn main() {}
