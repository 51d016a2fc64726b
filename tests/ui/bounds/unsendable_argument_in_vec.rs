use farcall::rpc_interface;

pub struct Handle(std::fs::File);

#[rpc_interface]
pub trait Store {
    fn put(&self, handles: Vec<Handle>);
}

fn main() {}
