//! Every way of answering, side by side.

use std::future::Future;

use farcall::{Context, Reply, rpc_interface};

#[rpc_interface]
trait Forms {
    async fn none(&self);
    async fn borrowed<'a>(&self, text: &'a str, list: &[u8]) -> usize;
    fn opaque(&self, n: u8) -> impl Future<Output = (u8, String)> + Send;
    fn with_body(&self, n: u8) -> impl Future<Output = u8> + Send {
        async move { n }
    }
    async fn context(&self, #[ctx] cx: &Context, r#type: u8) -> u8;
    fn later(&self, text: &str, #[reply] to: farcall::Reply<Vec<String>>);
    fn later_with_context(&self, #[ctx] cx: &Context, #[reply] _: Reply<()>);
    #[rpc(oneway)]
    async fn oneway(&self, n: u8);
}

struct Local;

impl Forms for Local {
    async fn none(&self) {}
    async fn borrowed<'a>(&self, text: &'a str, list: &[u8]) -> usize {
        text.len() + list.len()
    }
    fn opaque(&self, n: u8) -> impl Future<Output = (u8, String)> + Send {
        std::future::ready((n, n.to_string()))
    }
    async fn context(&self, cx: &Context, r#type: u8) -> u8 {
        r#type + u8::from(cx.is_cancelled())
    }
    fn later(&self, text: &str, to: Reply<Vec<String>>) {
        to.send(vec![text.to_owned()]);
    }
    fn later_with_context(&self, _: &Context, to: Reply<()>) {
        to.send(());
    }
    async fn oneway(&self, _: u8) {}
}

fn main() {
    let net = farcall::Loopback::new();
    let service = FormsServer::new(Local).spawn_on(|future| drop(future));
    drop(service);
    let server = farcall::Server::on(&net, "s").unwrap().serve(FormsServer::new(Local)).spawn();
    let client = FormsClient::on(&net, "s").unwrap();
    client.none().unwrap();
    assert_eq!(client.borrowed("ab", &[1]).unwrap(), 3);
    assert_eq!(client.opaque(4).unwrap(), (4, "4".to_owned()));
    assert_eq!(client.with_body(5).unwrap(), 5);
    assert_eq!(client.context(6).unwrap(), 6);
    assert_eq!(client.later("a").unwrap(), ["a"]);
    client.start().later_with_context().wait().unwrap();
    client.oneway(1).unwrap();
    drop(server);
}
