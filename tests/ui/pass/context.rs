//! A context is made by the server; no client sends it.

use farcall::{Context, Loopback, Server, rpc_interface};

#[rpc_interface]
pub trait Jobs {
    fn plain(&self, #[ctx] cx: &Context) -> bool;
    fn with_argument(&self, #[ctx] _: &farcall::Context, n: u32) -> u32;
}

struct Handler;

impl Jobs for Handler {
    fn plain(&self, cx: &Context) -> bool {
        let _kept: Context = cx.clone();
        true
    }

    fn with_argument(&self, _: &Context, n: u32) -> u32 {
        n
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    assert!(Handler.plain(&Context::detached()));
    let net = Loopback::new();
    let _server = Server::on(&net, "jobs")?.serve(JobsServer::new(Handler)).spawn()?;
    let jobs = JobsClient::on(&net, "jobs")?;
    assert!(jobs.plain()?);
    assert_eq!(jobs.start().with_argument(7).wait()?, 7);
    Ok(())
}
