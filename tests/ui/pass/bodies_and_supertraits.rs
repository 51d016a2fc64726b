//! Default bodies are served; methods of supertraits are not.

use std::sync::Arc;

use farcall::{Loopback, Server, rpc_interface};

pub trait Named {
    fn name(&self) -> String;
}

#[rpc_interface]
pub trait Greeter: Named + Send + Sync + 'static
where
    Self: Named,
{
    fn greet(&self, mut who: String) -> String {
        who.insert_str(0, "hello ");
        who + " from " + &self.name()
    }
}

struct Host;

impl Named for Host {
    fn name(&self) -> String {
        "host".to_owned()
    }
}

impl Greeter for Host {}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let net = Loopback::new();
    let host: Arc<dyn Greeter> = Arc::new(Host);
    let _server = Server::on(&net, "host")?.serve(GreeterServer::shared(host)).spawn()?;
    let greeter = GreeterClient::on(&net, "host")?;
    assert_eq!(greeter.greet("you".to_owned())?, "hello you from host");
    Ok(())
}
