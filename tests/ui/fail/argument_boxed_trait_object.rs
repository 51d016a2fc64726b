use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(&self, shapes: Vec<Box<dyn std::fmt::Debug + Send>>);
}

fn main() {}
