use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(&self, done: fn(u32) -> u32);
}

fn main() {}
