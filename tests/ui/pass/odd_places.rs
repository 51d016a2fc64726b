//! Traits in constants, in functions of functions, without methods, and with one-way methods only.

use farcall::{Stub, rpc_interface};

#[rpc_interface]
pub trait Empty {}

#[rpc_interface]
pub(self) trait OnewayOnly: Send {
    #[rpc(oneway)]
    fn a(&self);
    #[rpc(oneway, id = 3)]
    fn b(&self, text: &str) -> ();
}

struct Local;

impl Empty for Local {}

impl OnewayOnly for Local {
    fn a(&self) {}
    fn b(&self, _: &str) {}
}

const _: () = {
    #[rpc_interface]
    trait InConstant {
        fn f(&self) -> u8 {
            1
        }
    }
    impl InConstant for Local {}
};

fn outer() -> u8 {
    fn inner() -> u8 {
        #[rpc_interface]
        trait InFunction {
            fn f(&self, mut n: u8) -> u8 {
                n += 1;
                n
            }
        }
        impl InFunction for Local {}
        let net = farcall::Loopback::new();
        let service = InFunctionServer::new(Local);
        let server = farcall::Server::on(&net, "s").unwrap().serve(service).spawn().unwrap();
        let n = InFunctionClient::on(&net, "s").unwrap().f(1).unwrap();
        drop(server);
        n
    }
    inner()
}

fn main() {
    assert_eq!(outer(), 2);
    let net = farcall::Loopback::new();
    let server = farcall::Server::on(&net, "s").unwrap();
    let server = server.serve(EmptyServer::new(Local)).serve(OnewayOnlyServer::new(Local)).spawn();
    let oneway = OnewayOnlyClient::on(&net, "s").unwrap();
    oneway.a().unwrap();
    oneway.b("").unwrap();
    let _: EmptyClient = oneway.client().stub();
    drop(server);
}
