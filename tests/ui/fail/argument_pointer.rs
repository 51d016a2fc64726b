use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(&self, at: *const u8);
}

fn main() {}
