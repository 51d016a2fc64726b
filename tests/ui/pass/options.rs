//! Every option of the attribute and of a method.

use farcall::{Client, Pending, rpc_interface};

#[rpc_interface(name = "acme.store")]
pub trait Store {
    #[rpc(idempotent, deadline = "1m 30s", id = 7)]
    fn get(&self, key: u32) -> Option<String>;
    #[rpc(id = 0xffff_ffff)]
    fn put(&self, key: u32, value: String) -> ();
    #[rpc(oneway)]
    fn log(&self, line: &str);
    #[rpc(oneway, id = 8)]
    fn flush(&self) -> ();
    #[rpc(deadline = "250ms")]
    #[rpc(idempotent)]
    fn count(&self) -> u64;
    #[rpc(max_request = 1_048_576, max_reply = "16 MiB")]
    fn convert(&self, image: &[u8]) -> Vec<u8>;
    #[rpc(idempotent, max_reply = "1GiB")]
    fn dump(&self) -> Vec<u8>;
}

pub fn use_it(client: &Client) -> Pending<Option<String>> {
    let store = StoreClient::from(client);
    let _ = store.log("line");
    let _: Pending<()> = store.start().put(1, String::new());
    store.start().get(1)
}

fn main() {}
