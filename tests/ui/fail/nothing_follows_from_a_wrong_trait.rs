//! The stubs exist after a mistake that concerns the whole trait.

use farcall::{Client, Server, rpc_interface};

#[rpc_interface]
pub trait Store<K> {
    fn get(&self, key: K) -> u32;
}

struct Handler;

impl Store<u32> for Handler {
    fn get(&self, key: u32) -> u32 {
        key
    }
}

pub fn server(server: Server) -> Server {
    server.serve(StoreServer::new(Handler))
}

pub fn client(client: &Client) {
    let _ = StoreClient::from(client).start();
}

fn main() {}
