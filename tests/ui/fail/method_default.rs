use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    default fn f(&self);
}

fn main() {}
