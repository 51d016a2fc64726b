//! What decoding refuses, what it says, and what it does not let itself be talked into.

#[allow(dead_code, reason = "shared with other tests")]
mod marshal_types;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Debug;
use std::net::{IpAddr, SocketAddrV4};
use std::time::Duration;

use bytes::Bytes;
use farcall_core::marshal::{
    ALLOCATION_BASE, ALLOCATION_FACTOR, DecodeError, DecodeErrorKind as Kind, MAX_DEPTH,
    MAX_EMPTY_ELEMENTS, Marshal, Reader, Run, Sendable, Unmarshal,
};
use marshal_types::{Branch, File, Line, Point, StringEntry, Tree, decode, encode};

/// Units as bytes.
fn units(units: &[u32]) -> Vec<u8> {
    units.iter().flat_map(|unit| unit.to_be_bytes()).collect()
}

#[track_caller]
fn refused<'a, T: Unmarshal<'a> + Debug>(bytes: &'a [u8]) -> DecodeError {
    decode::<T>(bytes).expect_err("these bytes are no value")
}

#[track_caller]
fn check<'a, T: Unmarshal<'a> + Debug>(bytes: &'a [u8], kind: &Kind, offset: usize, path: &str) {
    let error = refused::<T>(bytes);
    assert_eq!((error.kind(), error.offset(), error.path().as_str()), (kind, offset, path));
}

#[test]
fn numbers_that_do_not_fit() {
    let range = |type_name| Kind::OutOfRange { type_name };
    check::<u8>(&units(&[256]), &range("u8"), 0, "");
    check::<u16>(&units(&[65_536]), &range("u16"), 0, "");
    check::<i8>(&units(&[128]), &range("i8"), 0, "");
    check::<i8>(&units(&[0xffff_ff7f]), &range("i8"), 0, "");
    check::<i16>(&units(&[32_768]), &range("i16"), 0, "");
    check::<(u32, u16)>(&units(&[1, 65_536]), &range("u16"), 4, ".1");
    check::<Vec<u16>>(&units(&[3, 1, 65_535, 65_536]), &range("u16"), 12, "[2]");
    check::<BTreeSet<u8>>(&units(&[2, 1, 300]), &range("u8"), 8, "[1]");
    check::<BTreeMap<u8, u8>>(&units(&[1, 300, 1]), &range("u8"), 4, "[0]{key}");
    check::<HashMap<u8, u8>>(&units(&[1, 1, 300]), &range("u8"), 8, "[0]{value}");
    let nanoseconds = range("the nanoseconds of a Duration");
    check::<Duration>(&units(&[0, 1, 1_000_000_000]), &nanoseconds, 8, "");
    check::<SocketAddrV4>(&units(&[1, 65_536]), &range("u16"), 4, "SocketAddrV4.port");
}

#[test]
#[cfg(target_pointer_width = "32")]
fn sizes_that_do_not_fit() {
    check::<usize>(&units(&[1, 0]), &Kind::OutOfRange { type_name: "usize" }, 0, "");
}

#[test]
fn words_that_are_no_bool_no_char_no_tag() {
    check::<bool>(&units(&[2]), &Kind::NotABool { value: 2 }, 0, "");
    check::<Vec<bool>>(&units(&[2, 1, 2]), &Kind::NotABool { value: 2 }, 8, "[1]");
    check::<[bool; 2]>(&units(&[1, 2]), &Kind::NotABool { value: 2 }, 4, "[1]");
    check::<Option<u32>>(&units(&[7, 0]), &Kind::NotABool { value: 7 }, 0, "");
    check::<char>(&units(&[0xd800]), &Kind::NotAChar { value: 0xd800 }, 0, "");
    check::<char>(&units(&[0x11_0000]), &Kind::NotAChar { value: 0x11_0000 }, 0, "");
    let variant = |type_name, tag| Kind::UnknownVariant { type_name, tag };
    check::<Result<(), ()>>(&units(&[2]), &variant("Result", 2), 0, "");
    check::<IpAddr>(&units(&[5, 0]), &variant("IpAddr", 5), 0, "");
    check::<Tree>(&units(&[9]), &variant("Tree", 9), 0, "");
}

#[test]
fn text_that_is_not_utf_8() {
    let bytes = [&units(&[1, 3])[..], b"a\xffb\0"].concat();
    check::<Vec<String>>(&bytes, &Kind::NotUtf8 { valid_up_to: 1 }, 4, "[0]");
    check::<&str>(&bytes[4..], &Kind::NotUtf8 { valid_up_to: 1 }, 0, "");
}

#[test]
fn padding_that_is_not_zero() {
    for position in 5..8 {
        let mut bytes = *b"\0\0\0\x01a\0\0\0";
        bytes[position] = 1;
        check::<&str>(&bytes, &Kind::NonZeroPadding, 5, "");
        check::<&[u8]>(&bytes, &Kind::NonZeroPadding, 5, "");
        check::<Vec<u8>>(&bytes, &Kind::NonZeroPadding, 5, "");
        check::<Box<[u8]>>(&bytes, &Kind::NonZeroPadding, 5, "");
        check::<Bytes>(&bytes, &Kind::NonZeroPadding, 5, "");
        check::<[u8; 5]>(&bytes, &Kind::NonZeroPadding, 5, "");
    }
    check::<Vec<u8>>(b"\0\0\0\x01a\0\0", &Kind::Truncated { needed: 3, remaining: 2 }, 5, "");
}

#[test]
fn too_few_bytes_and_too_many() {
    check::<u32>(&[0; 3], &Kind::Truncated { needed: 4, remaining: 3 }, 0, "");
    check::<u32>(&[0; 9], &Kind::TrailingBytes { count: 5 }, 4, "");
    check::<()>(&[0; 4], &Kind::TrailingBytes { count: 4 }, 0, "");
    check::<Vec<u64>>(&units(&[2, 0, 0]), &Kind::Truncated { needed: 16, remaining: 8 }, 4, "");
    check::<Vec<u64>>(
        &units(&[u32::MAX]),
        &Kind::Truncated { needed: 8 * (u32::MAX as usize), remaining: 0 },
        4,
        "",
    );
    check::<Vec<String>>(&units(&[2, 0]), &Kind::Truncated { needed: 8, remaining: 4 }, 4, "");
}

#[test]
fn keys_that_are_there_twice() {
    let set = units(&[3, 7, 8, 7]);
    check::<BTreeSet<u32>>(&set, &Kind::DuplicateKey, 12, "[2]");
    check::<HashSet<u32>>(&set, &Kind::DuplicateKey, 12, "[2]");
    let map = units(&[2, 7, 0, 7, 1]);
    check::<BTreeMap<u32, u32>>(&map, &Kind::DuplicateKey, 12, "[1]");
    check::<HashMap<u32, u32>>(&map, &Kind::DuplicateKey, 12, "[1]");
    check::<HashSet<()>>(&units(&[2]), &Kind::DuplicateKey, 4, "[1]");
}

#[test]
fn an_error_names_the_place() {
    let lines = vec![
        Line { name: "first", points: vec![] },
        Line { name: "second", points: vec![Some(Point { x: 1, y: 2 }), None] },
    ];
    let mut bytes = encode(&lines);
    let last = bytes.len() - 1;
    bytes[last] = 3;
    let error = refused::<Vec<Line<'_, Option<Point>>>>(&bytes);
    assert_eq!(error.path(), "[1].points[1]");
    assert_eq!(
        error.to_string(),
        format!("3 is neither false (0) nor true (1), at byte {}, in [1].points[1]", last - 3)
    );
    check::<File>(
        &units(&[0, 3]),
        &Kind::UnknownVariant { type_name: "FileType", tag: 3 },
        4,
        "File.kind",
    );
    assert_eq!(size_of::<DecodeError>(), size_of::<usize>());
}

#[test]
fn a_count_of_elements_without_bytes_does_not_make_it_loop() {
    check::<Vec<()>>(&units(&[u32::MAX]), &Kind::TooManyEmptyElements, 4, "");
    // Each array is an element without bytes and has three more.
    check::<Box<[[(); 3]]>>(&units(&[u32::MAX]), &Kind::TooManyEmptyElements, 4, "[16384]");
    check::<HashMap<(), ()>>(&units(&[u32::MAX]), &Kind::TooManyEmptyElements, 4, "");

    let most = u32::try_from(MAX_EMPTY_ELEMENTS).unwrap();
    assert_eq!(decode(&units(&[most])), Ok(vec![(); MAX_EMPTY_ELEMENTS]));
    // The limit is for the message, or many sequences would multiply it.
    let many = units(&[3, most / 2, most / 2, 1]);
    check::<Vec<Vec<()>>>(&many, &Kind::TooManyEmptyElements, 16, "[2]");
    // It is also for arrays, whose length the message cannot choose, but whose number it can.
    let arrays = units(&[2, 1, 1]);
    check::<Vec<Option<[(); 40_000]>>>(&arrays, &Kind::TooManyEmptyElements, 12, "[1]");
    check::<Vec<[(); 40_000]>>(&units(&[2]), &Kind::TooManyEmptyElements, 4, "[1]");
}

#[test]
fn small_elements_that_become_large_do_not_fill_the_memory() {
    type Sparse = Vec<Option<[u64; 64]>>;
    let allowed = |bytes: &[u8]| bytes.len() * ALLOCATION_FACTOR + ALLOCATION_BASE;

    let a_thousand = encode(&vec![None::<[u64; 64]>; 1000]);
    assert_eq!(decode(&a_thousand), Ok(vec![None::<[u64; 64]>; 1000]));

    let count = 4 << 20;
    let mut bytes = vec![0; 4 + 4 * count];
    bytes[..4].copy_from_slice(&u32::try_from(count).unwrap().to_be_bytes());
    let needed = count * size_of::<Option<[u64; 64]>>();
    check::<Sparse>(&bytes, &Kind::TooLarge { needed, allowed: allowed(&bytes) }, 4, "");
    // Neither in small portions.
    let portions = encode(&vec![vec![None::<[u64; 64]>; 100]; 100]);
    let error = refused::<Vec<Sparse>>(&portions);
    assert!(matches!(error.kind(), Kind::TooLarge { .. }), "{error}");
    // Nor behind pointers.
    type Boxed = Result<Box<Option<[u64; 64]>>, ()>;
    let boxes = encode(&vec![Boxed::Ok(Box::new(None)); 5_000]);
    assert!(matches!(refused::<Vec<Boxed>>(&boxes).kind(), Kind::TooLarge { .. }));
}

#[test]
fn an_allowance_is_kept() {
    let bytes = encode(&vec![1_u64; 100]);
    let mut reader = Reader::new(&bytes).with_allowance(799);
    let error = Vec::<u64>::unmarshal(&mut reader).unwrap_err();
    assert_eq!(*error.kind(), Kind::TooLarge { needed: 800, allowed: 799 });
    let mut reader = Reader::new(&bytes).with_allowance(801);
    assert!(Vec::<u64>::unmarshal(&mut reader).is_ok());
    assert_eq!(reader.allowance(), 1);
}

#[test]
fn pointers_nested_too_deeply() {
    let depth = MAX_DEPTH as usize;
    let list = |length: usize| {
        (0..length).fold(None, |next, _| Some(Box::new(StringEntry { item: String::new(), next })))
    };
    assert_eq!(decode(&encode(&list(depth))), Ok(list(depth)));
    let too_long = encode(&list(depth + 1));
    assert_eq!(*refused::<Option<Box<StringEntry>>>(&too_long).kind(), Kind::TooDeep);

    // Each `Node` goes on in its box; ten thousand of them would overflow the stack.
    let bomb = units(&[1; 10_000]);
    let error = refused::<Tree>(&bomb);
    assert_eq!((error.kind(), error.offset()), (&Kind::TooDeep, 4 * (depth + 1)));
    assert!(error.path().starts_with(".."), "a long path is cut: {}", error.path());
}

#[test]
fn sequences_nested_too_deeply() {
    // One `Node` with a label and one child, ten thousand times.
    let bomb = units(&[1, 5, 1].repeat(10_000));
    assert_eq!(*refused::<Branch>(&bomb).kind(), Kind::TooDeep);
    assert_eq!(*refused::<Vec<Vec<Vec<Branch>>>>(&units(&[1; 30_000])).kind(), Kind::TooDeep);

    // A branch of the tree that is not the first: each level has a leaf, and then one more element.
    let bomb = units(&[1, 0, 1].repeat(10_000));
    assert_eq!(*refused::<Tree>(&bomb).kind(), Kind::TooDeep);

    // The depth goes back after each value: it is not a count of all pointers.
    let flat = vec![Box::new(Tree::Node(Box::new(Tree::Leaf), vec![])); 1000];
    assert_eq!(decode(&encode(&flat)), Ok(flat));
}

#[test]
fn bytes_are_a_slice_of_the_message_unless_they_would_pin_it() {
    let shares = |message: &Bytes, part: &Bytes| {
        let range = message.as_ptr() as usize..message.as_ptr() as usize + message.len();
        range.contains(&(part.as_ptr() as usize))
    };
    let encoded = |length: usize, rest: usize| {
        Bytes::from(encode(&(Bytes::from(vec![7; length]), Bytes::from(vec![8; rest]))))
    };
    // 4 + 16 + 4 + 40 bytes: a quarter is 16.
    let message = encoded(16, 40);
    assert_eq!(message.len(), 64);
    let (first, second) = <(Bytes, Bytes)>::unmarshal(&mut Reader::of_message(&message)).unwrap();
    assert!(shares(&message, &first) && shares(&message, &second));

    let (first, _) = <(Bytes, Bytes)>::unmarshal(&mut Reader::new(&message)).unwrap();
    assert!(!shares(&message, &first), "a plain slice cannot be shared");

    let mut reader = Reader::of_message_in(&message, 65);
    let (first, second) = <(Bytes, Bytes)>::unmarshal(&mut reader).unwrap();
    assert!(!shares(&message, &first), "less than a quarter of the buffer");
    assert!(shares(&message, &second));

    let message = encoded(0, 0);
    let (first, _) = <(Bytes, Bytes)>::unmarshal(&mut Reader::of_message(&message)).unwrap();
    assert!(!shares(&message, &first), "an empty part keeps nothing alive");
}

#[test]
fn lending_copies_neither_text_nor_bytes() {
    let bytes = encode(&("text", &b"bytes"[..], &[1_u32, 2][..], vec![String::from("a")]));
    let mut reader = Reader::new(&bytes);
    let text = <str as Sendable<'_>>::lend(&mut reader).unwrap();
    let blob = <[u8] as Sendable<'_>>::lend(&mut reader).unwrap();
    let numbers = <[u32] as Sendable<'_>>::lend(&mut reader).unwrap();
    let vector = <Vec<String> as Sendable<'_>>::lend(&mut reader).unwrap();
    reader.finish().unwrap();
    assert_eq!((text, &*blob, &*numbers), ("text", &b"bytes"[..], &[1, 2][..]));
    assert_eq!(*vector, ["a"]);
    assert!(matches!(blob, Run::Borrowed(_)));
    assert!(matches!(numbers, Run::Owned(_)));
    assert!(bytes.as_ptr_range().contains(&text.as_ptr()));
}

#[test]
fn the_size_of_a_type_is_known_where_it_has_one() {
    assert_eq!(<[u8; 5] as Marshal>::MAX, Some(8));
    assert_eq!(<[u8; 5] as Unmarshal<'_>>::MIN, 8);
    assert_eq!(<[[u8; 5]; 2] as Marshal>::MAX, Some(16));
    assert_eq!(<[u16; 5] as Marshal>::MAX, Some(20));
    assert_eq!(<[u64; usize::MAX] as Marshal>::MAX, None);
    assert_eq!(<[u64; usize::MAX] as Unmarshal<'_>>::MIN, usize::MAX);
    assert_eq!(<[String; 0] as Marshal>::MAX, Some(0));
    assert_eq!(<Option<(u8, u64)> as Marshal>::MAX, Some(16));
    assert_eq!(<Result<u8, u128> as Marshal>::MAX, Some(20));
    assert_eq!(<Result<u8, String> as Marshal>::MAX, None);
    assert_eq!(<Result<u64, u64> as Unmarshal<'_>>::MIN, 4);
    assert_eq!(<(u8, u64, ()) as Unmarshal<'_>>::MIN, 12);
    assert_eq!(<Point as Marshal>::MAX, Some(8));
    assert_eq!(<Box<Point> as Marshal>::MAX, None);
    assert_eq!((<Tree as Marshal>::MAX, <Tree as Unmarshal<'_>>::MIN), (None, 4));
    assert_eq!(<StringEntry as Unmarshal<'_>>::MIN, 8);
}

#[test]
fn only_u8_is_packed() {
    #[allow(clippy::needless_pass_by_value, reason = "reads better")]
    fn bytes<T: Marshal>(value: T) -> Vec<u8> {
        encode(&value)
    }
    assert_eq!(bytes(vec![1_u8, 2]), b"\0\0\0\x02\x01\x02\0\0");
    assert_eq!(bytes([[1_u8, 2]; 2]), b"\x01\x02\0\0\x01\x02\0\0");
    assert_eq!(bytes(vec![1_i8, -1]), units(&[2, 1, u32::MAX]));
    assert_eq!(bytes(vec![true]), units(&[1, 1]));
    assert_eq!(bytes(BTreeSet::from([1_u8, 2])), units(&[2, 1, 2]));
    assert_eq!(bytes(vec![(1_u8,)]), units(&[1, 1]));
    assert_eq!(bytes(vec![Box::new(1_u8)]), units(&[1, 1]));
    assert_eq!(bytes(1_u128 << 64 | 2), units(&[0, 1, 0, 2]));
}
