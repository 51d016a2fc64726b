//! The user's module has its own idea of every common name.

#![deny(warnings)]
#![allow(dead_code, non_camel_case_types, non_upper_case_globals)]

use farcall::{Marshal, rpc_interface};

mod core {}
mod std {}
struct Client;
struct Pending;
struct Server;
struct Stub;
struct Interface;
struct Method;
struct Some;
struct None;
struct Ok;
struct Err;
struct S;
struct str;
struct usize;
trait Clone {}
trait Default {}
trait From {}
trait Send {}
trait Sized {}
type Result<T> = ::std::result::Result<T, u32>;
type Vec = ();
type String = u8;
type Option = u16;
const out: u32 = 0;
const reader: u32 = 0;
const client: u32 = 0;
const call: u32 = 0;

#[derive(Marshal)]
enum Choice<T> {
    Some(T),
    None,
}

#[derive(Marshal)]
struct Holder {
    value: Choice<u8>,
}

#[rpc_interface]
trait Shadowed {
    fn result(&self, value: Option) -> Result<String>;
    fn vector(&self, vector: Vec) -> Holder;
    #[rpc(oneway)]
    fn log(&self, value: &Choice<String>);
    #[rpc(deadline = "1s")]
    fn late(&self);
}

fn main() {}
