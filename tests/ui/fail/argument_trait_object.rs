use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(&self, shape: &dyn std::fmt::Debug);
}

fn main() {}
