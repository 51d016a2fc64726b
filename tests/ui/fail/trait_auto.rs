use farcall::rpc_interface;

#[rpc_interface]
pub auto trait Store {}

fn main() {}
