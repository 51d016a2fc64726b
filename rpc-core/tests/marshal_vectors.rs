//! The bytes that rpcgen and libtirpc produce, and those of RFC 4506, are ours.

#[allow(dead_code, reason = "shared with other tests")]
mod marshal_types;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::{SocketAddr, SocketAddrV6};
use std::time::Duration;

use bytes::Bytes;
use farcall_core::marshal::{Marshal, Unmarshal};
use marshal_types::{Branch, File, FileType, Node, Point, StringEntry, decode, encode};

/// The committed vectors by name. Each has to be asked for.
struct Vectors(BTreeMap<&'static str, Vec<u8>>);

impl Vectors {
    fn read() -> Self {
        let lines = include_str!("vectors/vectors.txt").lines();
        let parse = |line: &'static str| {
            let (name, hex) = line.split_once(' ').expect("a name and its bytes");
            let bytes = hex.as_bytes().chunks(2).map(|digits| {
                let digits = std::str::from_utf8(digits).expect("digits");
                u8::from_str_radix(digits, 16).expect("hexadecimal digits")
            });
            (name, bytes.collect())
        };
        Self(lines.map(parse).collect())
    }

    fn check<T>(&mut self, name: &str, value: T)
    where
        T: Marshal + for<'a> Unmarshal<'a> + PartialEq + Debug,
    {
        let bytes = self.0.remove(name).unwrap_or_else(|| panic!("no vector {name}"));
        assert_eq!(encode(&value), bytes, "encoding {name}");
        assert_eq!(decode(&bytes), Ok(value), "decoding {name}");
    }
}

impl Drop for Vectors {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let unused: Vec<_> = self.0.keys().collect();
            assert!(unused.is_empty(), "vectors without a test: {unused:?}");
        }
    }
}

fn rfc_4506_file() -> File {
    File {
        filename: "sillyprog".to_owned(),
        kind: FileType::Exec { interpretor: "lisp".to_owned() },
        owner: "john".to_owned(),
        data: b"(quit)".to_vec(),
    }
}

#[test]
fn the_file_of_rfc_4506_section_7() {
    let bytes = [
        [0x00, 0x00, 0x00, 0x09], // length of filename = 9
        *b"sill",
        *b"ypro",
        *b"g\0\0\0",
        [0x00, 0x00, 0x00, 0x02], // filekind is EXEC = 2
        [0x00, 0x00, 0x00, 0x04], // length of interpretor = 4
        *b"lisp",
        [0x00, 0x00, 0x00, 0x04], // length of owner = 4
        *b"john",
        [0x00, 0x00, 0x00, 0x06], // count of file data = 6
        *b"(qui",
        *b"t)\0\0",
    ];
    assert_eq!(encode(&rfc_4506_file()), bytes.as_flattened());
    assert_eq!(decode(bytes.as_flattened()), Ok(rfc_4506_file()));
}

#[test]
fn every_vector_of_libtirpc() {
    let mut vectors = Vectors::read();
    files(&mut vectors);
    scalars(&mut vectors);
    sequences(&mut vectors);
    compounds(&mut vectors);
    recursive(&mut vectors);
}

fn files(vectors: &mut Vectors) {
    vectors.check("rfc_4506_file", rfc_4506_file());
    let note = File {
        filename: "note".to_owned(),
        kind: FileType::Text,
        owner: "jane".to_owned(),
        data: vec![],
    };
    vectors.check("file_text", note);
}

fn scalars(vectors: &mut Vectors) {
    vectors.check("u8_zero", 0_u8);
    vectors.check("u8_200", 200_u8);
    vectors.check("i8_minus_2", -2_i8);
    vectors.check("u16_max", u16::MAX);
    vectors.check("i16_min", i16::MIN);
    vectors.check("u32_max", u32::MAX);
    vectors.check("i32_minus_1", -1_i32);
    vectors.check("i32_258", 258_i32);
    vectors.check("i32_min", i32::MIN);
    vectors.check("u64_max", u64::MAX);
    vectors.check("u64_mixed", 0x0123_4567_89ab_cdef_u64);
    vectors.check("i64_minus_2", -2_i64);
    vectors.check("i64_min", i64::MIN);
    vectors.check("f32_one_and_a_half", 1.5_f32);
    vectors.check("f32_minus_zero", -0.0_f32);
    vectors.check("f32_infinity", f32::INFINITY);
    vectors.check("f32_least", f32::from_bits(1));
    vectors.check("f64_pi", std::f64::consts::PI);
    vectors.check("f64_minus_infinity", f64::NEG_INFINITY);
    vectors.check("f64_max", f64::MAX);
    vectors.check("bool_false", false);
    vectors.check("bool_true", true);
}

fn sequences(vectors: &mut Vectors) {
    vectors.check("text_empty", String::new());
    vectors.check("text_1", "a".to_owned());
    vectors.check("text_3", "abc".to_owned().into_boxed_str());
    vectors.check("text_4", "abcd".to_owned());
    vectors.check("text_utf8", "grüße".to_owned());
    vectors.check("blob_empty", Vec::<u8>::new());
    vectors.check("blob_5", Bytes::from_static(&[1, 0, 0xff, 0x80, 5]));
    vectors.check("five_bytes", [1_u8, 2, 3, 4, 5]);
    vectors.check("numbers_empty", Vec::<u32>::new());
    vectors.check("numbers", vec![1, 0x0102_0304, u32::MAX]);
    vectors.check("hypers", vec![-1_i64, 1 << 40].into_boxed_slice());
    vectors.check("doubles", vec![0.1_f64, -2.5]);
    vectors.check("three_floats", [1.0_f32, -2.0, 0.25]);
    vectors.check("texts", vec!["a".to_owned(), String::new(), "hello".to_owned()]);
    vectors.check("flags", vec![true, false, true]);
    vectors.check("rows", vec![[1_u8, 2, 3, 4, 5], [6, 7, 8, 9, 10]]);
}

fn compounds(vectors: &mut Vectors) {
    vectors.check("maybe_int_none", None::<i32>);
    vectors.check("maybe_int_some", Some(7));
    vectors.check("maybe_text_some", Some("hi".to_owned()));
    vectors.check("point", Point { x: -1, y: 2 });
    vectors.check("points", vec![Point { x: 1, y: 2 }, Point { x: 3, y: 4 }]);
    vectors.check("outcome_ok", Ok::<u64, String>(1 << 33));
    vectors.check("outcome_error", Err::<u64, String>("no".to_owned()));
    vectors.check("dictionary", BTreeMap::from([("one".to_owned(), 1), ("three".to_owned(), 3)]));
    vectors.check("time_span", Duration::from_millis(3500));
    vectors.check("socket_4", SocketAddr::from(([127, 0, 0, 1], 2049)));
    let ip = "2001:db8::1".parse().expect("an address");
    vectors.check("socket_6", SocketAddr::V6(SocketAddrV6::new(ip, 443, 7, 9)));
}

fn recursive(vectors: &mut Vectors) {
    let list = |item: &str, next| Some(Box::new(StringEntry { item: item.to_owned(), next }));
    vectors.check("list_empty", None::<Box<StringEntry>>);
    vectors.check("list_3", list("a", list("bb", list("c", None))));

    let inner = Branch::Node(Node { label: 2, children: vec![Branch::Leaf] });
    let tree = Branch::Node(Node { label: -1, children: vec![Branch::Leaf, inner] });
    vectors.check("tree_leaf", Branch::Leaf);
    vectors.check("tree", tree);
}
