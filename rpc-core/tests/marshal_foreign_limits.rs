//! What decoding refuses of types of other crates, and what it does not let itself be talked into.

#![cfg(feature = "serde")]

mod marshal_foreign_types;
#[allow(dead_code, reason = "shared with other tests")]
mod marshal_types;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug};
use std::net::IpAddr;

use chrono::NaiveDate;
use farcall_core::marshal::{
    DecodeErrorKind as Kind, MAX_DEPTH, MAX_EMPTY_ELEMENTS, Reader, Serde, Unmarshal,
};
use marshal_foreign_types::{Endless, List, Marker, Point, Shape, Tree};
use marshal_types::{decode, encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[track_caller]
fn refused<T: Serialize + for<'a> Deserialize<'a> + Debug>(bytes: &[u8]) -> (Kind, usize, String) {
    let error = decode::<Serde<T>>(bytes).expect_err("these bytes are no value");
    (error.kind().clone(), error.offset(), error.path())
}

fn units(units: &[u32]) -> Vec<u8> {
    units.iter().flat_map(|unit| unit.to_be_bytes()).collect()
}

#[test]
fn types_that_ask_what_comes_next_are_named() {
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(u32),
        Text(String),
    }
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        Point { x: i32 },
    }
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(tag = "kind", content = "value")]
    enum Adjacent {
        Unit,
    }
    #[derive(Debug, Serialize, Deserialize)]
    struct Flat {
        first: u8,
        #[serde(flatten)]
        rest: BTreeMap<String, u32>,
    }
    let asks = |kind: Kind, who: &str| {
        let Kind::NotSelfDescribing { type_name } = kind else { panic!("{kind:?}") };
        assert!(type_name.contains(who), "{type_name}");
    };
    let bytes = encode(&Serde(vec![serde_json::json!({ "a": [1, null] })]));
    let (kind, offset, path) = refused::<Vec<serde_json::Value>>(&bytes);
    assert_eq!((offset, path.as_str()), (4, "[0]"));
    asks(kind, "serde_json::value::Value");
    let error = decode::<Serde<serde_json::Value>>(&bytes).unwrap_err().to_string();
    assert!(error.contains("can only be read from a format that describes itself"), "{error}");

    let bytes = encode(&Serde(Untagged::Number(1)));
    asks(refused::<Untagged>(&bytes).0, "Content");
    let bytes = encode(&Serde(Tagged::Point { x: 1 }));
    asks(refused::<Tagged>(&bytes).0, "Tagged");
    let bytes = encode(&Serde(Adjacent::Unit));
    asks(refused::<Adjacent>(&bytes).0, "()");
    let bytes = encode(&Serde(Flat { first: 1, rest: BTreeMap::from([("a".to_owned(), 1)]) }));
    asks(refused::<Flat>(&bytes).0, "Content");
}

#[test]
fn errors_say_what_and_where() {
    let variant = |type_name, tag| Kind::UnknownVariant { type_name, tag };
    let shapes = units(&[2, 0, 9]);
    assert_eq!(refused::<Vec<Shape>>(&shapes), (variant("Shape", 9), 8, "[1]".to_owned()));
    let polygon = units(&[1, 3, 1, 1, 2, 7]);
    let expected = (Kind::NotABool { value: 7 }, 20, "[0].name".to_owned());
    assert_eq!(refused::<Vec<Shape>>(&polygon), expected);
    let (kind, offset, path) = refused::<BTreeMap<u8, Point>>(&units(&[1, 300, 1, 1]));
    assert_eq!((kind, offset), (Kind::OutOfRange { type_name: "u8" }, 4));
    assert_eq!(path, "[0]{key}");
    let (_, offset, path) = refused::<BTreeMap<u8, Point>>(&units(&[1, 30, 1]));
    assert_eq!((offset, path.as_str()), (12, "[0]{value}.y"));
    assert_eq!(refused::<(u8, u8)>(&units(&[1, 300])).2, "[1]");

    // What a type says of its own.
    let (kind, offset, path) = refused::<Vec<Uuid>>(&units(&[1, 3, 0]));
    let Kind::Refused(reason) = kind else { panic!("{kind:?}") };
    assert!(reason.contains("expected 16 bytes, found 3"), "{reason}");
    assert_eq!((offset, path.as_str()), (4, "[0]"));
    let bytes = [&units(&[1, 1, 10])[..], b"2024-02-30\0\0"].concat();
    let (kind, offset, path) = refused::<Vec<Option<NaiveDate>>>(&bytes);
    assert!(matches!(kind, Kind::Refused(_)), "{kind:?}");
    assert_eq!((offset, path.as_str()), (8, "[0]"));
    // A text of a stranger in it is cut.
    let bytes = encode(&"x".repeat(100_000));
    let (kind, ..) = refused::<IpAddrText>(&bytes);
    let Kind::Refused(reason) = kind else { panic!("{kind:?}") };
    assert_eq!(reason.len(), 512);
}

/// Repeats what it does not understand.
#[derive(Debug, Serialize)]
struct IpAddrText(IpAddr);

impl<'de> Deserialize<'de> for IpAddrText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| serde::de::Error::custom(format!("no address: {text}")))
    }
}

fn accepted<T: Serialize + for<'a> Deserialize<'a> + PartialEq + Debug>(value: T) {
    let value = Serde(value);
    assert_eq!(decode(&encode(&value)), Ok(value));
}

#[test]
fn depth_is_limited() {
    assert_eq!(refused::<Tree>(&units(&[1; 10_000])).0, Kind::TooDeep);
    assert_eq!(refused::<List>(&units(&[1; 10_000])).0, Kind::TooDeep);
    assert_eq!(refused::<Endless>(&[]).0, Kind::TooDeep);
    // The list and each of its options is a level.
    let list = |length| {
        (1..length).fold(List { next: None }, |next, _| List { next: Some(Box::new(next)) })
    };
    let longest = MAX_DEPTH / 2;
    accepted(list(longest));
    assert_eq!(refused::<List>(&encode(&Serde(list(longest + 1)))).0, Kind::TooDeep);
    // It goes back after each value.
    accepted(vec![list(longest - 2); 100]);
}

#[test]
fn elements_without_bytes_are_limited_and_others_are_not() {
    assert_eq!(refused::<Vec<()>>(&units(&[u32::MAX])).0, Kind::TooManyEmptyElements);
    assert_eq!(refused::<Vec<[(); 3]>>(&units(&[u32::MAX])).0, Kind::TooManyEmptyElements);
    assert_eq!(refused::<BTreeSet<Marker>>(&units(&[u32::MAX])).0, Kind::TooManyEmptyElements);
    let most = u32::try_from(MAX_EMPTY_ELEMENTS).unwrap();
    assert!(decode::<Serde<Vec<()>>>(&units(&[most])).is_ok());
    assert_eq!(refused::<Vec<Vec<()>>>(&units(&[2, most, 1])).0, Kind::TooManyEmptyElements);

    // Nothing is known of the size of these, but they are not empty.
    let many = vec![Serde(7_u32); MAX_EMPTY_ELEMENTS + 1];
    assert_eq!(decode(&encode(&many)), Ok(many));
}

#[test]
fn a_type_that_takes_fewer_values_than_there_are_is_an_error() {
    #[derive(Debug, Serialize)]
    struct First(u32);
    impl<'de> Deserialize<'de> for First {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = First;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a number")
                }
                fn visit_seq<A: serde::de::SeqAccess<'de>>(
                    self,
                    mut sequence: A,
                ) -> Result<First, A::Error> {
                    assert_eq!(sequence.size_hint(), None, "a claim of the message");
                    Ok(First(sequence.next_element()?.unwrap_or_default()))
                }
            }
            deserializer.deserialize_seq(Visitor)
        }
    }
    assert_eq!(decode::<Serde<First>>(&units(&[1, 7])).unwrap().0.0, 7);
    assert!(matches!(refused::<First>(&units(&[2, 7, 8])).0, Kind::Invalid(_)));
}

#[test]
fn memory_is_charged_by_the_sizes_of_values() {
    type Sparse = Vec<Option<[u128; 32]>>;
    let large = |kind: Kind| assert!(matches!(kind, Kind::TooLarge { .. }), "{kind:?}");
    // 4 bytes in the message, 528 in memory.
    let zeros = [&units(&[50_000])[..], &[0; 200_000]].concat();
    large(refused::<Sparse>(&zeros).0);
    // In small portions, behind pointers, as keys, as values.
    large(refused::<Vec<Sparse>>(&units(&[&[20_000_u32][..], &[1, 0].repeat(20_000)].concat())).0);
    large(refused::<Vec<Box<Option<[u128; 32]>>>>(&zeros).0);
    let entries = units(
        &[&[20_000_u32][..], &(0..20_000).flat_map(|key| [key, 0]).collect::<Vec<_>>()].concat(),
    );
    large(refused::<BTreeMap<u32, Option<[u128; 32]>>>(&entries).0);
    // A count that is not true costs nothing.
    let error = refused::<Vec<[u128; 32]>>(&units(&[u32::MAX]));
    assert!(matches!(error.0, Kind::Truncated { .. }), "{error:?}");
    let mut reader = Reader::new(&[0xff; 4]).with_allowance(4 * 512);
    let error = Serde::<Vec<[u128; 32]>>::unmarshal(&mut reader).unwrap_err();
    assert!(matches!(error.kind(), Kind::Truncated { .. }), "{error}");
}
