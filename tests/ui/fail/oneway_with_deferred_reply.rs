use farcall::rpc_interface;

pub struct Reply<T>(T);

#[rpc_interface]
pub trait Store {
    #[rpc(oneway)]
    fn log(&self, #[reply] to: Reply<u32>);
}

fn main() {}
