use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(x: u32);
}

fn main() {}
