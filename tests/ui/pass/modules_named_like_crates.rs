//! Modules called like the crates that generated code names.

mod user {
    #![allow(dead_code)]

    pub mod core {}
    pub mod std {}
    pub mod alloc {}
    pub mod farcall {}

    #[derive(::farcall::Marshal, Debug, PartialEq)]
    pub struct Value {
        pub parts: Vec<u8>,
    }

    #[::farcall::rpc_interface]
    pub trait Plain {
        fn echo(&self, value: Value) -> Value;
        async fn later(&self, text: &str) -> String;
    }
}

struct Local;

impl user::Plain for Local {
    fn echo(&self, value: user::Value) -> user::Value {
        value
    }
    async fn later(&self, text: &str) -> String {
        text.to_owned()
    }
}

fn main() {
    let net = farcall::Loopback::new();
    let service = user::PlainServer::new(Local);
    let server = farcall::Server::on(&net, "s").unwrap().serve(service).spawn().unwrap();
    let client = user::PlainClient::on(&net, "s").unwrap();
    let value = || user::Value { parts: vec![1] };
    assert_eq!(client.echo(value()).unwrap(), value());
    assert_eq!(client.later("a").unwrap(), "a");
    drop(server);
}
