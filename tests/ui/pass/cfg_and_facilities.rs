//! A method that a `cfg` leaves out does not take the place of `connect`, `on` or `start`.

#![deny(warnings)]

use farcall::{Client, Loopback, Server, Stub, rpc_interface};

#[rpc_interface]
pub trait Partly {
    #[cfg(any())]
    fn connect(&self, missing: Missing);

    #[cfg(all())]
    #[cfg(any())]
    fn start(&self);

    #[cfg(all())]
    fn on(&self) -> u8;
}

struct Handler;

impl Partly for Handler {
    fn on(&self) -> u8 {
        7
    }
}

fn main() {
    let net = Loopback::new();
    let server = Server::on(&net, "x").unwrap().serve(PartlyServer::new(Handler));
    let _handle = server.spawn().unwrap();
    let client = <PartlyClient as Stub>::on(&net, "x").unwrap();
    assert_eq!(client.on().unwrap(), 7);
    assert_eq!(PartlyClient::start(&client).on().wait().unwrap(), 7);
    let connected: PartlyClient = PartlyClient::connect("127.0.0.1:9").unwrap();
    let _: &Client = Stub::client(&connected);
}
