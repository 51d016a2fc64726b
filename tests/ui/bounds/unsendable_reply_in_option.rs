use farcall::rpc_interface;

pub struct Handle(std::fs::File);

#[rpc_interface]
pub trait Store {
    fn get(&self) -> Option<Handle>;
}

fn main() {}
