use farcall::rpc_interface;

#[rpc_interface(client_impl)]
pub trait Store {
    fn f(&self) -> u32;
}

fn main() {}
