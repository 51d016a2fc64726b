use farcall::rpc_interface;

#[rpc_interface]
pub trait Store<K> {
    fn f(&self, key: K);
}

fn main() {}
