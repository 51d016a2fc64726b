use farcall::rpc_interface;

#[rpc_interface]
pub unsafe trait Store {
    fn f(&self);
}

fn main() {}
