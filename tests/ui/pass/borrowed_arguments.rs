//! Everything that may be passed by reference, and the types that borrow by themselves.

use std::borrow::Cow;

use farcall::{Loopback, Marshal, Server, rpc_interface};

#[derive(Clone, Debug, PartialEq, Marshal)]
pub struct Point {
    x: i32,
    y: i32,
}

#[derive(Debug, PartialEq, Marshal)]
pub struct Line<'a> {
    text: &'a str,
    number: u32,
}

#[rpc_interface]
pub trait Borrowing {
    fn text(&self, text: &str) -> usize;
    fn bytes(&self, bytes: &[u8]) -> usize;
    fn numbers(&self, numbers: &[u32]) -> u32;
    fn point(&self, point: &Point) -> i32;
    fn points(&self, points: &[Point]) -> i32;
    fn option(&self, text: Option<&str>) -> usize;
    fn pair(&self, pair: (&str, u32)) -> usize;
    fn cow(&self, text: Cow<'_, str>) -> usize;
    fn line(&self, line: Line<'_>) -> u32;
    fn line_reference(&self, line: &Line<'_>) -> u32;
    fn lines(&self, lines: Vec<Line<'_>>) -> u32;
    fn nested(&self, text: &&str) -> usize;
    fn array(&self, bytes: &[u8; 4]) -> u8;
}

struct Handler;

#[rustfmt::skip]
impl Borrowing for Handler {
    fn text(&self, text: &str) -> usize { text.len() }
    fn bytes(&self, bytes: &[u8]) -> usize { bytes.len() }
    fn numbers(&self, numbers: &[u32]) -> u32 { numbers.iter().sum() }
    fn point(&self, point: &Point) -> i32 { point.x + point.y }
    fn points(&self, points: &[Point]) -> i32 { points.iter().map(|point| point.x).sum() }
    fn option(&self, text: Option<&str>) -> usize { text.map_or(0, str::len) }
    fn pair(&self, pair: (&str, u32)) -> usize { pair.0.len() + pair.1 as usize }
    fn cow(&self, text: Cow<'_, str>) -> usize { text.len() }
    fn line(&self, line: Line<'_>) -> u32 { line.number }
    fn line_reference(&self, line: &Line<'_>) -> u32 { line.number }
    fn lines(&self, lines: Vec<Line<'_>>) -> u32 { lines.iter().map(|line| line.number).sum() }
    fn nested(&self, text: &&str) -> usize { text.len() }
    fn array(&self, bytes: &[u8; 4]) -> u8 { bytes[3] }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let net = Loopback::new();
    let _server = Server::on(&net, "borrowing")?.serve(BorrowingServer::new(Handler)).spawn()?;
    let stub = BorrowingClient::on(&net, "borrowing")?;
    let point = Point { x: 1, y: 2 };
    assert_eq!(stub.text("four")?, 4);
    assert_eq!(stub.bytes(b"three")?, 5);
    assert_eq!(stub.numbers(&[1, 2, 3])?, 6);
    assert_eq!(stub.point(&point)?, 3);
    assert_eq!(stub.points(&[point.clone(), point])?, 2);
    assert_eq!(stub.option(Some("two"))?, 3);
    assert_eq!(stub.pair(("ab", 1))?, 3);
    assert_eq!(stub.cow(Cow::Borrowed("cow"))?, 3);
    assert_eq!(stub.line(Line { text: "a", number: 7 })?, 7);
    assert_eq!(stub.line_reference(&Line { text: "b", number: 8 })?, 8);
    assert_eq!(stub.lines(vec![Line { text: "c", number: 9 }])?, 9);
    assert_eq!(stub.nested(&"nested")?, 6);
    assert_eq!(stub.array(&[1, 2, 3, 4])?, 4);

    // A started call keeps no borrow.
    let text = String::from("gone");
    let pending = stub.start().text(&text);
    drop(text);
    assert_eq!(pending.wait()?, 4);
    Ok(())
}
