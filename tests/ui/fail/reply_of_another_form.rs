use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(&self, #[reply] to: u32);
}

fn main() {}
