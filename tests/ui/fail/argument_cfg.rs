use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(&self, x: u32, #[cfg(all())] y: u32);
}

fn main() {}
