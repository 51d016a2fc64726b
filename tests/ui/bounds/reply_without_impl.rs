use farcall::rpc_interface;

pub struct Missing;

#[rpc_interface]
pub trait Store {
    fn f(&self) -> Option<Missing>;
}

fn main() {}
