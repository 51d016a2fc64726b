//! Generated code needs no prelude.

#![no_implicit_prelude]
#![deny(warnings)]

use ::farcall::{Marshal, rpc_interface};
use ::std::prelude::v1::derive;

#[derive(Marshal)]
pub struct Pair<'a, T> {
    first: &'a str,
    second: ::std::vec::Vec<T>,
}

#[derive(Marshal)]
pub enum Choice {
    None,
    Some(u32, u8),
}

#[rpc_interface]
pub trait Bare {
    fn add(&self, a: i32, b: i32) -> i32;
    fn pair(&self, pair: &Pair<'_, u8>, text: &str) -> ::std::result::Result<Choice, u8>;
    #[rpc(oneway, id = 1)]
    fn log(&self, #[ctx] cx: &::farcall::Context, line: ::std::string::String);
    #[rpc(deadline = "1s", idempotent)]
    fn get(&self) -> u8;
}

#[rpc_interface(client_impl)]
pub trait Both {
    fn get(&self) -> ::std::result::Result<u8, Failed>;
    #[rpc(oneway)]
    fn log(&self);
}

#[derive(Marshal)]
pub struct Failed;

impl ::std::convert::From<::farcall::CallError> for Failed {
    fn from(_: ::farcall::CallError) -> Self {
        Failed
    }
}

fn main() {}
