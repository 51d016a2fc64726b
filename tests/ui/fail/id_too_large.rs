use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc(id = 4_294_967_296)]
    fn f(&self);
}

fn main() {}
