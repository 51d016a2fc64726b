use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc(oneway, idempotent)]
    fn log(&self, line: &str);
}

fn main() {}
