use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(&self) -> Result<u32, Box<dyn std::error::Error>>;
}

fn main() {}
