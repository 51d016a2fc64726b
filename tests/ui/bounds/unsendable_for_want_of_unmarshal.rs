use farcall::{Marshal, Schema, Writer, rpc_interface};

pub struct Handle;

impl Marshal for Handle {
    fn marshal(&self, _: &mut Writer) {}
    fn describe(_: &mut Schema) {}
}

#[rpc_interface]
pub trait Store {
    fn put(&self, handle: Handle);
}

fn main() {}
