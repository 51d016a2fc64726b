use std::cell::Cell;

use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(&self);
}

struct Handler(Cell<u32>);

impl Store for Handler {
    fn f(&self) {}
}

fn main() {
    let _ = StoreServer::new(Handler(Cell::new(0)));
}
