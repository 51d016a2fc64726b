//! Types as people may write them.

use std::collections::BTreeMap;

use farcall::rpc_interface;

const LENGTH: usize = 2;

trait Family {
    type Member;
}

struct Numbers;

impl Family for Numbers {
    type Member = u32;
}

macro_rules! list_of {
    ($ty:ty) => {
        Vec<$ty>
    };
}

type Pair<T> = (T, T);
type Outcome<T> = std::result::Result<T, String>;

#[rpc_interface]
#[allow(unused_parens)]
trait Types {
    fn unit(&self, nothing: (), one: (u8,), nested: ((u8, (u16,)), [(); 3])) -> ();
    fn arrays(&self, a: [u8; LENGTH], b: [u16; { LENGTH + 1 }], c: &[u8; 4]) -> [[bool; 2]; 2];
    fn paths(&self, member: <Numbers as Family>::Member, pair: Pair<i8>) -> Outcome<Pair<u8>>;
    fn macros(&self, list: list_of!(list_of!(u8))) -> list_of!(char);
    fn parentheses(&self, a: (u8), b: &(str), c: (&str)) -> (String);
    fn maps(&self, map: BTreeMap<String, Option<Box<[f64]>>>) -> usize;
    fn sixteen(
        &self,
        a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8,
        i: u8, j: u8, k: u8, l: u8, m: u8, n: u8, o: u8, p: u8,
    ) -> u8;
}

struct Local;

impl Types for Local {
    fn unit(&self, (): (), _: (u8,), _: ((u8, (u16,)), [(); 3])) {}
    fn arrays(&self, a: [u8; 2], b: [u16; 3], c: &[u8; 4]) -> [[bool; 2]; 2] {
        [[a[0] == 1, b[2] == 2], [c[3] == 3, false]]
    }
    fn paths(&self, member: u32, pair: Pair<i8>) -> Outcome<Pair<u8>> {
        Ok((member as u8, pair.1 as u8))
    }
    fn macros(&self, list: Vec<Vec<u8>>) -> Vec<char> {
        list.concat().into_iter().map(char::from).collect()
    }
    fn parentheses(&self, a: u8, b: &str, c: &str) -> String {
        format!("{a}{b}{c}")
    }
    fn maps(&self, map: BTreeMap<String, Option<Box<[f64]>>>) -> usize {
        map.len()
    }
    #[allow(clippy::many_single_char_names)]
    fn sixteen(
        &self,
        a: u8, _: u8, _: u8, _: u8, _: u8, _: u8, _: u8, _: u8,
        _: u8, _: u8, _: u8, _: u8, _: u8, _: u8, _: u8, p: u8,
    ) -> u8 {
        p - a
    }
}

fn main() {
    let net = farcall::Loopback::new();
    let server = farcall::Server::on(&net, "s").unwrap().serve(TypesServer::new(Local)).spawn();
    let client = TypesClient::on(&net, "s").unwrap();
    client.unit((), (1,), ((1, (2,)), [(); 3])).unwrap();
    let arrays = client.arrays([1, 0], [0, 0, 2], &[0, 0, 0, 3]).unwrap();
    assert_eq!(arrays, [[true, true], [true, false]]);
    assert_eq!(client.paths(7, (1, 2)).unwrap(), Ok((7, 2)));
    assert_eq!(client.macros(vec![vec![97], vec![98]]).unwrap(), ['a', 'b']);
    assert_eq!(client.parentheses(1, "b", "c").unwrap(), "1bc");
    assert_eq!(client.maps(BTreeMap::from([("a".to_owned(), None)])).unwrap(), 1);
    assert_eq!(client.sixteen(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9).unwrap(), 8);
    drop(server);
}
