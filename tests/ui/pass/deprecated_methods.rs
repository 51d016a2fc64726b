//! What is deprecated in the trait is so in the stubs, and generated code uses it in silence.

#![deny(warnings)]

use farcall::rpc_interface;

#[rpc_interface]
pub trait Old {
    #[deprecated(since = "1.0.0", note = "use `new`")]
    fn old(&self) -> u8;
    #[deprecated]
    async fn future(&self) -> u8;
    fn new(&self) -> u8;
}

struct Local;

impl Old for Local {
    fn old(&self) -> u8 {
        1
    }
    async fn future(&self) -> u8 {
        3
    }
    fn new(&self) -> u8 {
        2
    }
}

fn main() {
    let net = farcall::Loopback::new();
    let server = farcall::Server::on(&net, "s").unwrap().serve(OldServer::new(Local)).spawn();
    let client = OldClient::on(&net, "s").unwrap();
    assert_eq!(client.new().unwrap(), 2);
    #[allow(deprecated)]
    let old = (client.old().unwrap(), client.future().unwrap());
    assert_eq!(old, (1, 3));
    drop(server);
}
