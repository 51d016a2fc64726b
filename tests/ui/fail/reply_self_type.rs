use farcall::rpc_interface;

#[rpc_interface]
pub trait Store: Sized {
    fn f(&self) -> Option<Self>;
}

fn main() {}
