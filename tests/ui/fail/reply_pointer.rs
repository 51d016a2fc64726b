use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(&self) -> *mut u8;
}

fn main() {}
