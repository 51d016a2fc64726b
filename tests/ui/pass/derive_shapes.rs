//! Every shape of type that can be derived, there and back.

#![deny(warnings)]

use farcall::{Loopback, Marshal, Server, rpc_interface};

#[derive(Clone, Debug, PartialEq, Marshal)]
pub struct Named {
    a: u8,
    b: String,
    out: Option<Box<Named>>,
}

#[derive(Clone, Debug, PartialEq, Marshal)]
pub struct Tuple(u8, pub Vec<u16>);

#[derive(Clone, Debug, PartialEq, Marshal)]
pub struct Unit;

#[derive(Clone, Debug, PartialEq, Marshal)]
pub struct EmptyBraces {}

#[derive(Clone, Debug, PartialEq, Marshal)]
pub struct EmptyTuple();

#[derive(Clone, Debug, PartialEq, Marshal)]
pub enum Tree {
    Leaf,
    Node(Box<Tree>, Vec<Tree>),
    Named { reader: u8, tag: Option<String> },
    Empty {},
}

// The tag is the position, whatever the discriminant.
#[derive(Clone, Copy, Debug, PartialEq, Marshal)]
#[repr(u8)]
pub enum Color {
    Red = 7,
    Green = 3,
}

#[rpc_interface]
pub trait Echo {
    fn echo(&self, all: All) -> All;
}

type All = (Named, Tuple, Unit, EmptyBraces, EmptyTuple, Tree, [Color; 2]);

struct Handler;

impl Echo for Handler {
    fn echo(&self, all: All) -> All {
        all
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let net = Loopback::new();
    let _server = Server::on(&net, "echo")?.serve(EchoServer::new(Handler)).spawn()?;
    let echo = EchoClient::on(&net, "echo")?;
    let inner = Named { a: 1, b: "b".to_owned(), out: None };
    let all = (
        Named { a: 2, b: "c".to_owned(), out: Some(Box::new(inner)) },
        Tuple(3, vec![4, 5]),
        Unit,
        EmptyBraces {},
        EmptyTuple(),
        Tree::Node(
            Box::new(Tree::Leaf),
            vec![Tree::Named { reader: 6, tag: Some("t".to_owned()) }, Tree::Empty {}],
        ),
        [Color::Green, Color::Red],
    );
    assert_eq!(echo.echo(all.clone())?, all);
    Ok(())
}
