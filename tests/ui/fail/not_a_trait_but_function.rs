use farcall::rpc_interface;

#[rpc_interface]
pub fn f() {}

fn main() {}
