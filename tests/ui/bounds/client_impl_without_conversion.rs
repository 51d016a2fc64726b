use farcall::rpc_interface;

#[rpc_interface(client_impl)]
pub trait Store {
    fn f(&self) -> Result<u32, String>;
}

fn main() {}
