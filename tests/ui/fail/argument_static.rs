use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(&self, x: &'static str);
}

fn main() {}
