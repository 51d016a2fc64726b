use farcall::rpc_interface;

#[rpc_interface]
pub struct Store;

fn main() {
    let _ = Store;
}
