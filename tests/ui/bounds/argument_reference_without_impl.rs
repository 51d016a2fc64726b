use farcall::rpc_interface;

pub struct Missing;

#[rpc_interface]
pub trait Store {
    fn f(&self, x: &[Missing]);
}

fn main() {}
