//! Types of other crates, through serde: their bytes, their limits, and what is said of them.

#![cfg(feature = "serde")]

#[allow(dead_code, reason = "shared with other tests")]
mod marshal_foreign_types;
#[allow(dead_code, reason = "shared with other tests")]
mod marshal_types;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt::{self, Debug};
use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use farcall_core::marshal::{Marshal, Serde, Writer};
use marshal_foreign_types::{Marker, Meters, Point, Shape, Tree};
use marshal_types::{decode, encode};
use proptest::collection::vec;
use proptest::prelude::*;
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    bytes: (u8, i8, u16, i16, u32, i32, u64, i64),
    wide: (u128, i128),
    floats: (f32, f64, bool, char),
    text: String,
    marker: Marker,
    nothing: (),
    shapes: Vec<Shape>,
    table: BTreeMap<String, (u8, Box<Point>)>,
    array: [u16; 3],
    outcome: Result<u64, String>,
    time: Duration,
    address: IpAddr,
    shared: VecDeque<Option<Box<str>>>,
}

fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..6).prop_map(String::from_iter)
}

fn shape() -> impl Strategy<Value = Shape> {
    let point = || any::<(i32, i32)>().prop_map(|(x, y)| Point { x, y });
    prop_oneof![
        Just(Shape::Empty),
        any::<f64>().prop_map(|radius| Shape::Circle(Meters(radius))),
        (point(), point()).prop_map(|(from, to)| Shape::Line(from, to)),
        (vec(point(), 0..4), prop::option::of(text()))
            .prop_map(|(points, name)| Shape::Polygon { points, name }),
    ]
}

fn everything() -> impl Strategy<Value = Everything> {
    let scalars = (any::<(u8, i8, u16, i16, u32, i32, u64, i64)>(), any::<(u128, i128)>());
    let others = (any::<(f32, f64, bool, char)>(), text(), any::<[u16; 3]>());
    let collections = (
        vec(shape(), 0..4),
        prop::collection::btree_map(
            text(),
            any::<(u8, i32, i32)>().prop_map(|(a, x, y)| (a, Box::new(Point { x, y }))),
            0..4,
        ),
        vec(prop::option::of(text().prop_map(String::into_boxed_str)), 0..4)
            .prop_map(VecDeque::from),
    );
    let rest = (
        prop_oneof![any::<u64>().prop_map(Ok), text().prop_map(Err)],
        any::<Duration>(),
        any::<IpAddr>(),
    );
    (scalars, others, collections, rest).prop_map(
        |((bytes, wide), (floats, text, array), (shapes, table, shared), rest)| {
            let (outcome, time, address) = rest;
            let (marker, nothing) = (Marker, ());
            Everything {
                bytes,
                wide,
                floats,
                text,
                marker,
                nothing,
                shapes,
                table,
                array,
                outcome,
                time,
                address,
                shared,
            }
        },
    )
}

/// What holds for every value of these types. (Others are free to write one value in several ways.)
fn check<T>(value: &T)
where
    T: Serialize + for<'a> Deserialize<'a> + PartialEq + Debug + Clone,
{
    let bytes = encode(&Serde(value.clone()));
    assert_eq!(bytes.len() % 4, 0, "whole units");
    let decoded: Serde<T> = decode(&bytes).expect("what was encoded");
    assert_eq!(&*decoded, value);
    assert_eq!(encode(&decoded), bytes);
    for length in 0..bytes.len() {
        assert!(decode::<Serde<T>>(&bytes[..length]).is_err(), "{length} of {}", bytes.len());
    }
    let longer = [&bytes[..], &[0; 4]].concat();
    assert!(decode::<Serde<T>>(&longer).is_err(), "a unit too many");
}

proptest! {
    #[test]
    fn everything_round_trips(value in everything()) {
        check(&value);
    }

    #[test]
    fn types_of_other_crates_round_trip(id in any::<u128>(), seconds in -100_000_000_000_i64..100_000_000_000) {
        check(&Uuid::from_u128(id));
        let time: DateTime<Utc> = DateTime::from_timestamp(seconds, 7).unwrap();
        check(&(time, time.date_naive(), Some(time.time())));
        check(&BTreeMap::from([(Uuid::from_u128(id), vec![time])]));
    }

    /// A type that implements both ways writes the same bytes in both, save for `u8`.
    #[test]
    fn serde_and_ours_agree(
        numbers in any::<(i8, u16, i32, u64, i128, f32, f64, bool, char)>(),
        words in vec(text(), 0..5),
        map in prop::collection::btree_map(any::<u32>(), any::<Option<i16>>(), 0..5),
        outcome in prop_oneof![any::<u64>().prop_map(Ok), text().prop_map(Err)],
    ) {
        let value = (numbers, words, map, outcome, [1_u64, 2], (), Box::new(7_u32));
        prop_assert_eq!(encode(&value), encode(&Serde(value.clone())));
    }

    #[test]
    fn a_strangers_bytes_are_a_value_or_an_error(words in vec(prop_oneof![
        4 => (0_u32..5).prop_map(u32::to_be_bytes),
        1 => any::<[u8; 4]>(),
        1 => Just([0xff; 4]),
        1 => Just(*b"ab\0\0"),
    ], 0..40)) {
        let bytes = words.as_flattened();
        macro_rules! hostile {
            ($($type:ty)*) => {$(
                if let Ok(value) = decode::<Serde<$type>>(bytes) {
                    prop_assert_eq!(encode(&value), bytes, "two encodings of one value");
                }
            )*};
        }
        hostile! {
            Everything Shape Vec<Shape> Vec<Option<Point>> Vec<Vec<Vec<String>>> (u8, String, Vec<u64>)
            Vec<(u32, bool)> Option<Box<Shape>> Uuid
        }
        let _ = decode::<Serde<Tree>>(bytes);
        let _ = decode::<Serde<HashMap<String, Vec<u8>>>>(bytes);
        let _ = decode::<Serde<DateTime<Utc>>>(bytes);
        let _ = decode::<Serde<BTreeSet<Vec<()>>>>(bytes);
    }
}

#[test]
fn the_bytes_are_those_of_the_table() {
    let units =
        |units: &[u32]| units.iter().flat_map(|unit| unit.to_be_bytes()).collect::<Vec<_>>();
    assert_eq!(encode(&Serde(Uuid::from_u128(1)))[..4], [0, 0, 0, 16]);
    assert_eq!(encode(&Serde(Uuid::from_u128(1))).len(), 20);
    let date = NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
    assert_eq!(encode(&Serde(date)), b"\0\0\0\x0a2024-02-29\0\0");
    assert_eq!(encode(&Serde(Point { x: -1, y: 2 })), units(&[u32::MAX, 2]));
    assert!(encode(&Serde(Marker)).is_empty());
    assert_eq!(encode(&Serde(Meters(0.0))), [0; 8]);
    assert_eq!(encode(&Serde(Shape::Empty)), units(&[0]));
    let line = Shape::Line(Point { x: 1, y: 2 }, Point { x: 3, y: 4 });
    assert_eq!(encode(&Serde(line)), units(&[2, 1, 2, 3, 4]));
    let polygon = Shape::Polygon { points: vec![Point { x: 1, y: 2 }], name: None };
    assert_eq!(encode(&Serde(polygon)), units(&[3, 1, 1, 2, 0]));
    assert_eq!(encode(&Serde(Some(Some(5_u8)))), units(&[1, 1, 5]));
    assert_eq!(encode(&Serde(vec![1_u8, 2])), units(&[2, 1, 2]), "a sequence, not bytes");
    assert_eq!(encode(&Serde(1_u128 << 64 | 2)), units(&[0, 1, 0, 2]));
    assert_eq!(encode(&Serde(BTreeMap::from([(1_u8, true)]))), units(&[1, 1, 1]));
}

#[test]
fn attributes_of_serde_that_work() {
    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default, rename_all = "camelCase", deny_unknown_fields)]
    struct Settings {
        first_field: u8,
        #[serde(skip)]
        cache: u8,
        #[serde(rename = "other", alias = "old", default = "String::new")]
        third: String,
        #[serde(with = "milliseconds")]
        time: Duration,
    }
    mod milliseconds {
        use super::{Deserialize, Duration, Serializer};

        pub(super) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
            to.serialize_u64(u64::try_from(time.as_millis()).unwrap())
        }

        pub(super) fn deserialize<'de, D>(from: D) -> Result<Duration, D::Error>
        where
            D: serde::Deserializer<'de>,
        {
            u64::deserialize(from).map(Duration::from_millis)
        }
    }
    let third = "third".to_owned();
    let settings = Settings { first_field: 1, cache: 0, third, time: Duration::from_secs(3) };
    assert_eq!(encode(&Serde(settings.clone())).len(), 4 + 12 + 8);
    let Serde(decoded) = decode::<Serde<Settings>>(&encode(&Serde(settings.clone()))).unwrap();
    assert_eq!(decoded, settings);
}

#[test]
fn text_and_bytes_are_borrowed() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Line<'a> {
        text: &'a str,
        #[serde(borrow)]
        word: Cow<'a, str>,
        #[serde(borrow, serialize_with = "as_bytes")]
        bytes: &'a [u8],
    }
    fn as_bytes<S: Serializer>(bytes: &&[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    let line = Line { text: "text", word: Cow::Borrowed("word"), bytes: &[1, 2, 3] };
    let bytes = encode(&Serde(line));
    let Serde(line) = decode::<Serde<Line<'_>>>(&bytes).unwrap();
    assert_eq!(line, Line { text: "text", word: "word".into(), bytes: &[1, 2, 3] });
    let message = bytes.as_ptr_range();
    assert!(message.contains(&line.text.as_ptr()) && message.contains(&line.bytes.as_ptr()));
    assert!(matches!(line.word, Cow::Borrowed(_)));
}

/// Sequences and maps that do not know their length, and one that lies about it.
#[test]
fn lengths_are_those_of_the_elements() {
    struct Odd(Option<usize>);
    impl Serialize for Odd {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::{SerializeMap, SerializeSeq};
            struct Map(Option<usize>);
            impl Serialize for Map {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    let mut map = serializer.serialize_map(self.0)?;
                    map.serialize_entry("a", &1_u32)?;
                    map.serialize_entry("b", &2_u32)?;
                    map.end()
                }
            }
            let mut sequence = serializer.serialize_seq(self.0)?;
            for _ in 0..3 {
                sequence.serialize_element(&Map(self.0))?;
            }
            sequence.end()
        }
    }
    impl<'de> Deserialize<'de> for Odd {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            unreachable!("it is only written")
        }
    }
    let map = BTreeMap::from([("a", 1_u32), ("b", 2)]);
    for announced in [None, Some(0), Some(7), Some(usize::MAX)] {
        let mut out = Writer::new();
        Serde(Odd(announced)).marshal(&mut out);
        assert_eq!(out.as_slice(), encode(&vec![map.clone(); 3]), "{announced:?}");
    }
}

#[track_caller]
fn unencodable<T: Serialize + Deserialize<'static>>(value: T) -> String {
    let mut out = Writer::new();
    Serde(value).marshal(&mut out);
    out.finish().expect_err("it has no encoding").to_string()
}

#[test]
fn what_cannot_be_encoded_says_why() {
    #[derive(Serialize, Deserialize)]
    struct Sparse {
        first: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        second: Option<u8>,
    }
    let error = unencodable(Sparse { first: 1, second: None });
    assert!(error.contains("Sparse: the field `second` is left out"), "{error}");
    assert_eq!(encode(&Serde(Sparse { first: 1, second: Some(2) })).len(), 12);

    /// A type whose own code fails.
    #[derive(Deserialize)]
    struct Broken;
    impl Serialize for Broken {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("the lock is poisoned"))
        }
    }
    let error = unencodable(vec![Some(Broken)]);
    assert!(error.ends_with("Broken>>: the lock is poisoned"), "{error}");

    /// A type whose text fails, which `to_string` would make a panic.
    #[derive(Deserialize)]
    struct Silent;
    impl fmt::Display for Silent {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }
    impl Serialize for Silent {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }
    assert!(unencodable(Silent).ends_with("its text cannot be written"));

    /// A structure that has fewer fields than it says.
    #[derive(Deserialize)]
    struct Short;
    impl Serialize for Short {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeTuple;
            let mut tuple = serializer.serialize_tuple(2)?;
            tuple.serialize_element(&1_u8)?;
            tuple.end()
        }
    }
    assert!(unencodable(Short).ends_with("it announced 2 fields and has 1"));
}

#[test]
fn the_wrapper_is_out_of_the_way() {
    let mut wrapped = Serde::from(vec![1]);
    wrapped.push(2);
    assert_eq!((wrapped.len(), wrapped.into_inner()), (2, vec![1, 2]));
    assert_eq!(Serde(Uuid::nil()).to_string(), Uuid::nil().to_string());
    assert_eq!(<Serde<u8> as Marshal>::MAX, None);
}
