use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(&self, (a, b): (u32, u32)) -> u32 {
        a + b
    }
}

fn main() {}
