use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    fn f(&self, ref key: u32) {
        let _ = key;
    }
}

fn main() {}
