//! Lifetimes on methods are copied.

use farcall::{Client, Context, Marshal, Pending, rpc_interface};

#[derive(Marshal)]
pub struct Line<'a> {
    text: &'a str,
}

#[rpc_interface]
pub trait Editor {
    fn insert<'x>(&'x self, text: &'x str) -> u32;
    fn append<'c>(&self, line: Line<'c>, others: &[Line<'c>]) -> u32;
    fn compare<'a, 'b: 'a>(&self, left: &'a str, right: Option<&'b str>) -> bool;
    fn in_context<'c>(&self, #[ctx] cx: &'c Context, line: &'c Line<'c>) -> u32;
    fn unused<'a>(&'a self);
}

pub fn use_it(client: &Client, line: Line<'_>) -> Pending<bool> {
    let editor = EditorClient::from(client);
    let _ = editor.insert("a");
    let _ = editor.append(line, &[]);
    editor.start().compare("a", None)
}

fn main() {}
