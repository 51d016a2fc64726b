//! What the signature says of types of other crates.

#![cfg(feature = "serde")]

#[allow(dead_code, reason = "shared with other tests")]
mod marshal_foreign_types;

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use farcall_core::marshal::{Marshal, Schema, Serde};
use marshal_foreign_types::{Endless, List, Marker, Meters, Point, Shape, Tree};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

fn hash<T: Marshal>() -> u32 {
    Schema::of::<T>().hash()
}

fn text<T: Marshal>() -> String {
    Schema::of::<T>().text()
}

/// As a later version of the same crate may have them.
mod later {
    use super::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    #[serde(rename = "Location")]
    pub(crate) struct Renamed {
        x: i32,
        y: i32,
    }

    #[derive(Serialize, Deserialize)]
    pub(crate) struct Longer {
        x: i32,
        y: i32,
        z: i32,
    }

    #[derive(Serialize, Deserialize)]
    pub(crate) struct OtherOrder {
        y: i32,
        x: i32,
    }

    #[derive(Serialize, Deserialize)]
    pub(crate) struct OtherTypes {
        x: i64,
        y: i64,
    }

    #[derive(Serialize, Deserialize)]
    pub(crate) enum Shape {
        Empty,
        Circle(u8),
    }
}

#[test]
fn what_can_be_seen_is_described_as_ours() {
    assert_eq!(text::<Serde<Uuid>>(), "bytes");
    assert_eq!(text::<Serde<DateTime<Utc>>>(), "string");
    assert_eq!(text::<Serde<Vec<Option<u16>>>>(), "[Option<u16>]");
    assert_eq!(text::<Serde<HashMap<String, Meters>>>(), "Map<string, f64>");
    assert_eq!(text::<(Serde<Marker>, Serde<()>)>(), "((), ())");
    assert_eq!(text::<Serde<Vec<u8>>>(), "[u8]");

    assert_eq!(hash::<Serde<Uuid>>(), hash::<Vec<u8>>());
    assert_eq!(hash::<Serde<Meters>>(), hash::<f64>());
    assert_eq!(hash::<Serde<BTreeMap<u8, Vec<char>>>>(), hash::<BTreeMap<u8, Vec<char>>>());
    assert_eq!(hash::<Serde<HashSet<i128>>>(), hash::<Vec<i128>>());
    assert_ne!(hash::<Serde<Vec<u8>>>(), hash::<Vec<u8>>(), "units are not bytes");
}

#[test]
fn of_a_structure_the_names_of_its_fields_are_seen() {
    assert_eq!(text::<Serde<Point>>(), "serde Point { x, y }");
    assert_eq!(text::<Vec<Serde<Shape>>>(), "[serde Shape { Empty | Circle | Line | Polygon }]");
    assert_eq!(text::<Serde<(u8, u8)>>(), "serde (2 values)");
    assert_eq!(text::<Serde<serde_json::Value>>(), "serde ?");

    let point = hash::<Serde<Point>>();
    assert_eq!(point, hash::<Serde<later::Renamed>>(), "the name of the type does not count");
    assert_ne!(point, hash::<Serde<later::Longer>>());
    assert_ne!(point, hash::<Serde<later::OtherOrder>>());
    assert_ne!(point, hash::<Point2>(), "ours, whose types are known");
    assert_ne!(hash::<Serde<Shape>>(), hash::<Serde<later::Shape>>());
    assert_ne!(hash::<Serde<(u8, u8)>>(), hash::<Serde<(u8, u8, u8)>>());
    // This is what the documentation warns of.
    assert_eq!(point, hash::<Serde<later::OtherTypes>>(), "types inside are not seen");
}

type Point2 = (i32, i32);

#[test]
fn types_without_an_end_are_described() {
    assert_eq!(text::<Serde<List>>(), "serde List { next }");
    assert_eq!(text::<Serde<Tree>>(), "serde Tree { Leaf | Node }");
    assert_eq!(text::<Serde<Endless>>(), "serde ?");
    #[derive(Serialize, Deserialize)]
    struct Rings(Vec<Self>);
    assert_eq!(text::<Serde<Rings>>(), "[[[[serde ?]]]]");
}

/// A change here is a change of the protocol: no client would understand an older server.
#[test]
fn the_hash_is_the_same_for_ever() {
    let hashes = [
        hash::<Serde<Uuid>>(),
        hash::<Serde<Point>>(),
        hash::<Serde<Shape>>(),
        hash::<Serde<(u8, u8)>>(),
        hash::<Serde<Vec<Option<Point>>>>(),
        hash::<Serde<serde_json::Value>>(),
    ];
    let golden = [0x5b8a_e64e, 0x5d6c_5590, 0xda3b_ece4, 0xcedf_4f66, 0xd3e8_d703, 0x5681_bbc4];
    assert_eq!(hashes, golden, "{hashes:#010x?}");
}
