use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f<T>(&self, x: T)
    where
        T: Clone;
}

fn main() {}
