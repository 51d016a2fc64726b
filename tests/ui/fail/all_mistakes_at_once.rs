//! Every mistake is reported in one run, and nothing follows from them elsewhere.

use std::sync::Arc;

use farcall::{Client, Server, Stub, rpc_interface};

#[rpc_interface(nam = "store")]
pub trait Store {
    const LIMIT: u32 = 0;
    fn good(&self, x: u32) -> u32;
    fn mutable(&mut self, x: &mut u32) -> &str;
    #[rpc(oneway, idempotent)]
    fn log(&self) -> u32;
    fn generic<T>(&self, _: T);
}

struct Handler;

impl Store for Handler {
    fn good(&self, x: u32) -> u32 {
        x
    }

    fn mutable(&mut self, _: &mut u32) -> &str {
        ""
    }

    fn log(&self) -> u32 {
        0
    }

    fn generic<T>(&self, _: T) {}
}

pub fn server(server: Server) -> Server {
    server.serve(StoreServer::new(Handler)).serve(StoreServer::shared(Arc::new(Handler)))
}

pub fn client(client: &Client) {
    let store = StoreClient::from(client);
    let _ = store.good(1);
    let _ = store.start().good(1).wait();
    let _ = Stub::client(&store);
}

fn main() {}
