use farcall::rpc_interface;

#[rpc_interface]
pub trait Store {
    #[rpc(oneway, max_reply = 64)]
    fn log(&self, line: &str);
}

fn main() {}
