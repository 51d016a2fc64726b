use farcall::rpc_interface;

pub struct Handle(std::fs::File);

#[rpc_interface]
pub trait Store {
    #[rpc(oneway)]
    fn put(&self, handle: Option<Handle>);
}

fn main() {}
