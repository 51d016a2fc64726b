use farcall::rpc_interface;

pub struct Store;

#[rpc_interface]
impl Store {
    pub fn f(&self) {}
}

fn main() {}
