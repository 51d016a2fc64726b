use farcall::rpc_interface;

macro_rules! methods {
    () => {
        fn f(&self);
    };
}

#[rpc_interface]
pub trait Store {
    methods!();
}

fn main() {}
