use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f<T>(&self, x: T);
}

fn main() {}
