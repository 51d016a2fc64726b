//! A trait inside a function, with types of that function.

#![deny(warnings)]

use farcall::Loopback;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[derive(Debug, PartialEq, farcall::Marshal)]
    struct Local {
        number: u32,
    }

    #[farcall::rpc_interface]
    trait Inner {
        fn double(&self, local: &Local) -> Local;
    }

    struct Handler;

    impl Inner for Handler {
        fn double(&self, local: &Local) -> Local {
            Local { number: 2 * local.number }
        }
    }

    let net = Loopback::new();
    let _server = farcall::Server::on(&net, "inner")?.serve(InnerServer::new(Handler)).spawn()?;
    let inner = InnerClient::on(&net, "inner")?;
    assert_eq!(inner.double(&Local { number: 4 })?, Local { number: 8 });
    Ok(())
}
