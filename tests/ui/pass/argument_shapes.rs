//! Types in every shape, many arguments, lifetimes, and a supertrait of another module.
#![deny(warnings, rust_2018_idioms)]
#![allow(unused_parens)]
use farcall::{Loopback, Server, rpc_interface};
use std::borrow::Cow;
mod deep {
    pub mod er {
        pub trait Base {
            fn base(&self) -> u32 {
                1
            }
        }
        impl Base for super::super::X {}
        pub type Pair<T> = (T, T);
    }
}
macro_rules! tuple {
    ($a:ty) => {
        ($a, $a)
    };
}
macro_rules! four {
    () => {
        4
    };
}
const LEN: usize = 3;
pub trait Family {
    type Key;
}
pub struct F;
impl Family for F {
    type Key = u16;
}
#[rpc_interface]
pub trait T: deep::er::Base + Send + Sync {
    fn a<'x, 'y>(&'x self, a: &'x str, b: &'y [u8], c: Cow<'y, str>, c2: Option<&'x str>) -> u32;
    fn b(
        &self,
        a: [u8; LEN + 1],
        b: [u32; {
            const N: usize = 2;
            N * 2
        }],
        c: [u8; four!()],
    ) -> usize;
    fn c(
        &self,
        a: tuple!(u8),
        b: (((u8))),
        c: <F as Family>::Key,
        d: deep::er::Pair<u8>,
        e: ((u8, (u16, ())), ()),
    ) -> tuple!(u32);
    fn d(&self, mut a: u32, b: ()) -> u32 {
        a += 1;
        let () = b;
        a
    }
    #[allow(clippy::too_many_arguments)]
    fn e(
        &self,
        a1: u8,
        a2: u8,
        a3: u8,
        a4: u8,
        a5: u8,
        a6: u8,
        a7: u8,
        a8: u8,
        a9: u8,
        a10: u8,
        a11: u8,
        a12: u8,
        a13: u8,
        a14: u8,
        a15: u8,
        a16: u8,
    ) -> u8;
    fn f(&self, a: &(u8), b: &((&str)), c: &[&str]) -> (u8);
    fn g(&self, a: &&str, b: &Option<&str>, c: &Box<[u8]>) -> Option<Box<[u8]>>;
    fn r#async(&self, r#fn: u8, r#match: &str) -> u8;
}
pub struct X;
impl T for X {
    fn a<'x, 'y>(&'x self, a: &'x str, b: &'y [u8], c: Cow<'y, str>, c2: Option<&'x str>) -> u32 {
        (a.len() + b.len() + c.len() + c2.map_or(0, str::len)) as u32
    }
    fn b(&self, a: [u8; 4], b: [u32; 4], c: [u8; 4]) -> usize {
        a.len() + b.len() + c.len()
    }
    fn c(&self, a: (u8, u8), b: u8, c: u16, d: (u8, u8), e: ((u8, (u16, ())), ())) -> (u32, u32) {
        (u32::from(a.0 + a.1 + b), u32::from(c) + u32::from(d.0 + e.0.0))
    }
    fn e(
        &self,
        a1: u8,
        a2: u8,
        _: u8,
        _: u8,
        _: u8,
        _: u8,
        _: u8,
        _: u8,
        _: u8,
        _: u8,
        _: u8,
        _: u8,
        _: u8,
        _: u8,
        _: u8,
        a16: u8,
    ) -> u8 {
        a1 + a2 + a16
    }
    fn f(&self, a: &u8, b: &&str, c: &[&str]) -> u8 {
        *a + (b.len() + c.len()) as u8
    }
    fn g(&self, a: &&str, b: &Option<&str>, c: &Box<[u8]>) -> Option<Box<[u8]>> {
        assert_eq!(*a, b.unwrap());
        Some(c.clone())
    }
    fn r#async(&self, r#fn: u8, _: &str) -> u8 {
        r#fn
    }
}
fn main() {
    let net = Loopback::new();
    let _s = Server::on(&net, "x").unwrap().serve(TServer::new(X)).spawn().unwrap();
    let c = TClient::on(&net, "x").unwrap();
    assert_eq!(c.a("a", b"b", "c".into(), Some("d")).unwrap(), 4);
    assert_eq!(c.d(1, ()).unwrap(), 2);
}
