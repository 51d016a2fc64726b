//! What a handler is lent out of the message, and what it may keep of it without a copy.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use farcall::{Client, Marshal, Server, rpc_interface};

use crate::support::{Place, both};

/// Borrows from the message, also inside of itself.
#[derive(Clone, Debug, PartialEq, Marshal)]
pub struct Line<'a> {
    number: u32,
    text: &'a str,
    marks: Vec<&'a [u8]>,
}

/// Two lifetimes, a parameter, and conditions on all of them.
#[derive(Clone, Debug, PartialEq, Marshal)]
pub struct Page<'a, 'b: 'a, T>
where
    T: Clone + 'a,
{
    title: Cow<'a, str>,
    lines: Vec<Line<'b>>,
    extra: Option<T>,
}

#[derive(Clone, Debug, PartialEq, Marshal)]
pub enum Edit<'a> {
    Insert { at: u64, text: &'a str },
    Raw(&'a [u8]),
    Both(Box<Self>, Box<Self>),
    Nothing,
}

#[rpc_interface]
pub trait Editor {
    fn line(&self, line: Line<'_>) -> String;
    fn line_by_reference(&self, line: &Line<'_>) -> String;
    fn page(&self, page: Page<'_, '_, Line<'_>>) -> String;
    fn edits(&self, edits: &[Edit<'_>], last: Option<Edit<'_>>) -> String;
    fn named<'x>(&'x self, name: &'x str, values: Vec<(&'x str, Cow<'x, [u16]>)>) -> String;
    fn table(&self, table: BTreeMap<&str, Option<&[u8]>>) -> String;
    fn result(&self, result: Result<&str, Cow<'_, str>>) -> String;
    fn arrays(&self, array: &[u8; 3], nested: &[[u16; 2]], unsized_box: Box<[&str]>) -> String;
    /// Whether each argument lies in the message, next to its neighbours.
    fn lies_in_the_message(&self, before: &str, bytes: Bytes, raw: &[u8], after: &str)
    -> [bool; 3];
    fn cut(&self, bytes: Bytes) -> Bytes;
}

struct Handler;

impl Editor for Handler {
    fn line(&self, line: Line<'_>) -> String {
        format!("{line:?}")
    }

    fn line_by_reference(&self, line: &Line<'_>) -> String {
        format!("{line:?}")
    }

    fn page(&self, page: Page<'_, '_, Line<'_>>) -> String {
        assert!(matches!(page.title, Cow::Borrowed(_)), "it is not copied");
        format!("{page:?}")
    }

    fn edits(&self, edits: &[Edit<'_>], last: Option<Edit<'_>>) -> String {
        format!("{edits:?} {last:?}")
    }

    fn named<'x>(&'x self, name: &'x str, values: Vec<(&'x str, Cow<'x, [u16]>)>) -> String {
        format!("{name} {values:?}")
    }

    fn table(&self, table: BTreeMap<&str, Option<&[u8]>>) -> String {
        format!("{table:?}")
    }

    fn result(&self, result: Result<&str, Cow<'_, str>>) -> String {
        format!("{result:?}")
    }

    fn arrays(&self, array: &[u8; 3], nested: &[[u16; 2]], unsized_box: Box<[&str]>) -> String {
        format!("{array:?} {nested:?} {unsized_box:?}")
    }

    fn lies_in_the_message(
        &self,
        before: &str,
        bytes: Bytes,
        raw: &[u8],
        after: &str,
    ) -> [bool; 3] {
        // In the message, a count of four bytes is between two neighbours.
        let end = |part: &[u8]| part.as_ptr() as usize + part.len().next_multiple_of(4) + 4;
        let is_next = |left: &[u8], right: &[u8]| end(left) == right.as_ptr() as usize;
        [is_next(before.as_bytes(), &bytes), is_next(&bytes, raw), is_next(raw, after.as_bytes())]
    }

    fn cut(&self, bytes: Bytes) -> Bytes {
        bytes.slice(bytes.len() / 2..)
    }
}

fn serve(server: Server) -> Server {
    server.serve(EditorServer::new(Handler))
}

both! {
    fn types_with_lifetimes_are_arguments(place: &Place) {
        let server = place.serve(serve);
        let editor: EditorClient = server.stub();
        let line = Line { number: 7, text: "seven", marks: vec![b"a", b""] };
        assert_eq!(editor.line(line.clone()).unwrap(), format!("{line:?}"));
        assert_eq!(editor.line_by_reference(&line).unwrap(), format!("{line:?}"));

        let page = Page {
            title: "a title".into(),
            lines: vec![line.clone(); 2],
            extra: Some(Line { number: 0, text: "", marks: vec![] }),
        };
        assert_eq!(editor.page(page.clone()).unwrap(), format!("{page:?}"));

        let insert = Edit::Insert { at: 1, text: "text" };
        let edits = [insert.clone(), Edit::Both(Box::new(insert), Box::new(Edit::Raw(&[1, 2])))];
        let expected = format!("{edits:?} {:?}", Some(Edit::Nothing));
        assert_eq!(editor.edits(&edits, Some(Edit::Nothing)).unwrap(), expected);
    }

    fn what_is_borrowed_inside_other_types_arrives(place: &Place) {
        let server = place.serve(serve);
        let editor: EditorClient = server.stub();
        let values = vec![("a", Cow::Borrowed(&[1_u16, 2][..])), ("b", Cow::Owned(vec![]))];
        let expected = format!("name {values:?}");
        assert_eq!(editor.named("name", values).unwrap(), expected);
        let table = BTreeMap::from([("a", Some(&b"x"[..])), ("b", None)]);
        assert_eq!(editor.table(table.clone()).unwrap(), format!("{table:?}"));
        assert_eq!(editor.result(Ok("fine")).unwrap(), r#"Ok("fine")"#);
        assert_eq!(editor.result(Err("bad".into())).unwrap(), r#"Err("bad")"#);
        let expected = r#"[1, 2, 3] [[4, 5]] ["x"]"#;
        let unsized_box = Box::new(["x"]);
        assert_eq!(editor.arrays(&[1, 2, 3], &[[4, 5]], unsized_box).unwrap(), expected);
    }

    fn bytes_are_a_part_of_the_message_unless_they_would_pin_it(place: &Place) {
        let server = place.serve(serve);
        let editor: EditorClient = server.stub();
        let ask = |bytes: usize, raw: usize| {
            editor.lies_in_the_message("b", vec![1; bytes].into(), &vec![2; raw], "a").unwrap()
        };
        // All four take 16 bytes of counts and 8 of text besides; a quarter is what counts, of a message or of
        // the 1 KiB that small ones share.
        assert_eq!(ask(400, 400), [true; 3]);
        assert_eq!(ask(304, 888), [true; 3], "just a quarter: 304 of 1216");
        assert_eq!(ask(300, 888), [false, false, true], "just less: 300 of 1212");
        assert_eq!(ask(0, 888), [false, false, true]);
        assert_eq!(ask(256, 300), [true; 3], "just a quarter of what it may share");
        assert_eq!(ask(252, 300), [false, false, true], "just less");
        // What is kept of it stays what it was.
        let bytes = Bytes::from((0..=255).collect::<Vec<u8>>());
        assert_eq!(editor.cut(bytes.clone()).unwrap(), bytes[128..]);
    }
}

/// The same where messages are not copied out of their datagrams either.
#[test]
fn large_bytes_are_a_part_of_the_datagram() {
    let builder = Server::builder().datagram_size(65_000);
    let server = Place::Udp.serve_with(builder, serve);
    let client = server.client_with(Client::builder().datagram_size(65_000));
    let editor: EditorClient = client.stub();
    let ask = |bytes: usize, raw: usize| {
        editor.lies_in_the_message("b", vec![1; bytes].into(), &vec![2; raw], "a").unwrap()
    };
    assert_eq!(ask(30_000, 30_000), [true; 3]);
    assert_eq!(ask(10_000, 50_000), [false, false, true]);
    let bytes = Bytes::from(vec![7; 60_000]);
    assert_eq!(editor.cut(bytes).unwrap(), vec![7; 30_000]);
}
