use farcall::rpc_interface;

pub struct Reply<T>(T);

#[rpc_interface]
pub trait Store {
    fn f(&self, x: u32, #[reply] to: Reply<u32>);
}

fn main() {}
