//! Raw identifiers lose their mark on the wire and keep it in Rust.

use farcall::{Client, Marshal, rpc_interface};

#[derive(Marshal)]
pub struct Record {
    r#type: u32,
}

#[derive(Marshal)]
pub enum Kind {
    r#True { r#fn: u8 },
}

#[rpc_interface]
pub trait r#Match {
    fn r#type(&self, r#struct: u32, r#enum: &str) -> Record;
    fn r#match(&self, r#mod: Record) -> Kind;
}

pub fn use_it(client: &Client, record: Record) {
    let stub = MatchClient::from(client);
    let _ = stub.r#type(1, "");
    let _ = stub.start().r#match(record);
}

fn main() {}
