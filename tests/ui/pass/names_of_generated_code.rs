//! Everything in the user's module may be called as the expansion calls its own things.

#![deny(warnings)]
#![allow(unused_macros)]
#![allow(dead_code, non_camel_case_types, non_upper_case_globals, non_snake_case)]

use farcall::{Loopback, Server as RpcServer, rpc_interface};

const schema: u32 = 1;
fn __farcall_tag() {}
#[derive(farcall::Marshal)]
struct S {
    x: R,
}
#[derive(farcall::Marshal)]
struct N {
    x: R,
}
type R = u32;
struct Box;
struct Arc;
struct Sync;
struct Debug;
struct Context;
struct Reply;
struct Future;
#[derive(farcall::Marshal)]
struct u8(::core::primitive::u32);
mod alloc {}
macro_rules! vec {
    () => {};
}
macro_rules! debug_assert {
    () => {};
}
#[rpc_interface]
trait Names {
    fn f(&self, server: R, network: R, name: R, call: R, reader: R, inner: R) -> R;
    fn g(
        &self,
        __farcall_out: R,
        __farcall_reader: R,
        __farcall_call: R,
        __farcall_argument_0: R,
        out: &str,
    ) -> R;
    fn start(&self, this: R) -> u8;
    fn s(&self, x: S, y: &N) -> S;
    #[rpc(oneway)]
    fn call(&self, s: R, n: R);
}

struct X;
impl Names for X {
    fn f(&self, a: R, b: R, c: R, d: R, e: R, f: R) -> R {
        a + b + c + d + e + f
    }
    fn g(&self, a: R, b: R, c: R, d: R, _: &str) -> R {
        a + b + c + d
    }
    fn start(&self, this: R) -> u8 {
        u8(this)
    }
    fn s(&self, x: S, y: &N) -> S {
        S { x: x.x + y.x }
    }
    fn call(&self, _: R, _: R) {}
}

fn main() {
    let net = Loopback::new();
    let _s = RpcServer::on(&net, "x").unwrap().serve(NamesServer::new(X)).spawn().unwrap();
    let c = NamesClient::on(&net, "x").unwrap();
    assert_eq!(c.f(1, 2, 3, 4, 5, 6).unwrap(), 21);
    assert_eq!(c.g(1, 2, 3, 4, "").unwrap(), 10);
    assert_eq!(c.start(7).unwrap().0, 7);
    assert_eq!(c.s(S { x: 1 }, &N { x: 2 }).unwrap().x, 3);
}
