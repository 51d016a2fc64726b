//! With `cfg`, a method is there or not, whatever its form, and types may be missing with it.

use farcall::{Reply, rpc_interface};

#[rpc_interface]
pub trait Conditional {
    #[cfg(any())]
    fn absent(&self, value: Missing) -> Missing;
    #[cfg(any())]
    async fn absent_future(&self, value: Missing) -> Missing;
    #[cfg(any())]
    fn absent_later(&self, #[reply] to: Reply<Missing>);
    #[cfg(any())]
    #[rpc(single_datagram)]
    fn absent_and_bounded(&self, value: Missing);
    #[cfg(all())]
    fn present(&self) -> u8;
    #[cfg(any())]
    fn either(&self) -> Missing;
    #[cfg(all())]
    fn either(&self) -> u16;
}

#[cfg(any())]
#[rpc_interface]
pub trait Absent {
    fn absent(&self, value: Missing);
}

struct Local;

impl Conditional for Local {
    fn present(&self) -> u8 {
        1
    }
    fn either(&self) -> u16 {
        2
    }
}

fn main() {
    let net = farcall::Loopback::new();
    let service = ConditionalServer::new(Local);
    let server = farcall::Server::on(&net, "s").unwrap().serve(service).spawn().unwrap();
    let client = ConditionalClient::on(&net, "s").unwrap();
    assert_eq!((client.present().unwrap(), client.either().unwrap()), (1, 2));
    drop(server);
}
