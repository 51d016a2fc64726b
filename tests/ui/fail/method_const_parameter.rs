use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f<const N: usize>(&self, x: [u8; N]);
}

fn main() {}
