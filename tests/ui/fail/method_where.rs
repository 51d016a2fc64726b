use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(&self)
    where
        Self: Sized;
}

fn main() {}
