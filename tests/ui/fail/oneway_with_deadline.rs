use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc(oneway, deadline = "1s")]
    fn log(&self, line: &str);
}

fn main() {}
