use std::sync::Arc;

use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(self: Arc<Self>);
}

fn main() {}
