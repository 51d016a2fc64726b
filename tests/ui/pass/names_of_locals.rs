//! Arguments, constants, statics, functions and macros may be called like what generated code uses.

#![allow(non_upper_case_globals, dead_code, unused_macros)]

use farcall::{Context, Reply, rpc_interface};

/// A constant cannot be an argument's name as well: that is a pattern to rustc.
mod with_constants {
    use farcall::{Context, Reply, rpc_interface};

    const out: u8 = 0;
    const reader: u8 = 0;
    const call: u8 = 0;
    const error: u8 = 0;
    const answer: u8 = 0;
    const client: u8 = 0;
    const service: u8 = 0;
    const pending: u8 = 0;
    const server: u8 = 0;
    const network: u8 = 0;
    const name: u8 = 0;
    const spawn: u8 = 0;
    static argument_0: u8 = 0;
    static interface: u8 = 0;
    fn schema() {}
    macro_rules! async_ {
        () => {};
    }

    #[rpc_interface]
    pub trait Constants {
        fn plain(&self, a: u8, b: &str) -> u8;
        async fn future(&self, a: u8) -> u8;
        fn later(&self, #[ctx] cx: &Context, #[reply] to: Reply<u8>);
    }
}

#[rpc_interface(client_impl)]
trait Names {
    fn locals(&self, reader: u8, call: u8, out: u8, error: u8) -> Result<u8, Failed>;
    async fn futures(&self, service: u8, pending: u8, answer: u8) -> Result<u8, Failed>;
    async fn prefixed(&self, __farcall_call: u8, __farcall_service: u8) -> Result<u8, Failed>;
    #[rpc(oneway)]
    fn oneway(&self, writer: &str, schema: &[u8]);
}

#[rpc_interface]
trait More {
    fn context(&self, #[ctx] call: &Context, context: u8) -> u8;
    fn later(&self, reply: u8, #[reply] call: Reply<u8>);
}

#[derive(farcall::Marshal, Debug)]
struct Failed;

impl From<farcall::CallError> for Failed {
    fn from(_: farcall::CallError) -> Self {
        Failed
    }
}

struct Local;

impl Names for Local {
    fn locals(&self, a: u8, b: u8, c: u8, d: u8) -> Result<u8, Failed> {
        Ok(a + b + c + d)
    }
    async fn futures(&self, a: u8, b: u8, c: u8) -> Result<u8, Failed> {
        Ok(a + b + c)
    }
    async fn prefixed(&self, a: u8, b: u8) -> Result<u8, Failed> {
        Ok(a + b)
    }
    fn oneway(&self, _: &str, _: &[u8]) {}
}

impl More for Local {
    fn context(&self, _: &Context, context: u8) -> u8 {
        context
    }
    fn later(&self, reply: u8, to: Reply<u8>) {
        to.send(reply);
    }
}

fn main() {
    let net = farcall::Loopback::new();
    let server = farcall::Server::on(&net, "s").unwrap();
    let server = server.serve(NamesServer::new(Local)).serve(MoreServer::new(Local)).spawn();
    let names = NamesClient::on(&net, "s").unwrap();
    assert_eq!(names.locals(1, 2, 3, 4).unwrap().unwrap(), 10);
    assert_eq!(names.futures(1, 2, 3).unwrap().unwrap(), 6);
    assert_eq!(names.prefixed(1, 2).unwrap().unwrap(), 3);
    names.oneway("", &[]).unwrap();
    let more = MoreClient::on(&net, "s").unwrap();
    assert_eq!((more.context(1).unwrap(), more.later(2).unwrap()), (1, 2));
    drop(server);
}
