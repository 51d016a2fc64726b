//! This message is rustc's own; nothing is added to it.

use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(&self, x: u32);
    fn f(&self);
}

fn main() {}
