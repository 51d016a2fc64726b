//! The signature hash: the same for ever, the same for the same bytes, and another for others.

#[allow(dead_code, reason = "shared with other tests")]
mod marshal_types;

use std::borrow::Cow;
use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU8, NonZeroU32, Saturating, Wrapping};
use std::ops::{Bound, Range, RangeInclusive};
use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use farcall_core::marshal::{Marshal, Schema};
use marshal_types::{Branch, File, Line, Point, StringEntry, Tree};

fn hash<T: Marshal + ?Sized>() -> u32 {
    Schema::of::<T>().hash()
}

fn method(describe: impl FnOnce(&mut Schema)) -> u32 {
    let mut schema = Schema::new();
    describe(&mut schema);
    schema.hash()
}

/// A change here is a change of the protocol: no client would understand an older server. Types and
/// methods may be added, and nothing else.
#[test]
fn signatures_stay_as_they_are() {
    let hashes = [
        ("u16", hash::<u16>(), 0x68fd_29a4),
        ("i128", hash::<i128>(), 0xd8a6_d307),
        ("f32", hash::<f32>(), 0xb510_9840),
        ("char", hash::<char>(), 0x572f_61be),
        ("VecDeque<bool>", hash::<VecDeque<bool>>(), 0x7ce4_de66),
        ("HashSet<String>", hash::<HashSet<String>>(), 0x49f1_4e22),
        ("HashMap<u8, Vec<u8>>", hash::<HashMap<u8, Vec<u8>>>(), 0x79e3_8034),
        ("[[u8; 3]; 2]", hash::<[[u8; 3]; 2]>(), 0x8a4b_2839),
        ("(u8, (), Option<i64>)", hash::<(u8, (), Option<i64>)>(), 0xcf10_ac81),
        ("Ordering", hash::<Ordering>(), 0xca8d_23f5),
        ("Result<(), Infallible>", hash::<Result<(), Infallible>>(), 0x593e_dd73),
        ("Range<u32>", hash::<Range<u32>>(), 0xbedc_b20e),
        ("Bound<u32>", hash::<Bound<u32>>(), 0xbc25_b9e7),
        ("Duration", hash::<Duration>(), 0x9ac5_a5c5),
        ("SystemTime", hash::<SystemTime>(), 0x47b7_4f39),
        ("IpAddr", hash::<IpAddr>(), 0x67da_2445),
        ("File", hash::<File>(), 0xb01a_16ec),
        ("StringEntry", hash::<StringEntry>(), 0x4ed6_fd48),
        ("Branch", hash::<Branch>(), 0xedf1_2241),
        ("Vec<Tree>", hash::<Vec<Tree>>(), 0xa6b8_780a),
        ("Line<Point>", hash::<Line<'_, Point>>(), 0x7215_fe9b),
        ("oneway", method(|schema| schema.argument::<str>("line")), 0x0442_dd3f),
        (
            "lookup",
            method(|schema| {
                schema.argument::<String>("key");
                schema.reply::<Option<Vec<u8>>>();
            }),
            0x711c_a20d,
        ),
        (
            "factor",
            method(|schema| {
                schema.argument::<u64>("n");
                schema.argument::<BTreeMap<String, SocketAddr>>("where");
                schema.reply::<Result<Vec<u64>, File>>();
            }),
            0x9d46_0e78,
        ),
    ];
    for (name, hash, golden) in hashes {
        assert_eq!(hash, golden, "{name}: {hash:#010x}");
    }
}

#[test]
fn what_is_not_to_be_seen_in_the_bytes_does_not_count() {
    assert_eq!(hash::<NonZeroU32>(), hash::<u32>());
    assert_eq!(hash::<Vec<NonZeroU8>>(), hash::<Vec<(u8,)>>());
    assert_ne!(hash::<Vec<NonZeroU8>>(), hash::<Vec<u8>>(), "units are not bytes");
    assert_eq!(hash::<Wrapping<i8>>(), hash::<Saturating<i8>>());
    assert_eq!(hash::<Reverse<String>>(), hash::<Cow<'_, str>>());
    assert_eq!(hash::<Range<u8>>(), hash::<RangeInclusive<u8>>());
    assert_eq!(hash::<SystemTime>(), hash::<(i64, u32)>());
    assert_ne!(hash::<SystemTime>(), hash::<Duration>());
    assert_eq!(hash::<BytesMut>(), hash::<Bytes>());
    assert_eq!(hash::<Bytes>(), hash::<Cow<'_, [u8]>>());
}

/// 17 shapes in each of three places: as many methods have as many signatures.
#[test]
fn signatures_do_not_collide() {
    fn add<T: Marshal + ?Sized>(schema: &mut Schema) {
        schema.argument::<T>("argument");
    }
    let shapes: [fn(&mut Schema); 17] = [
        add::<u8>,
        add::<u32>,
        add::<u64>,
        add::<i32>,
        add::<f64>,
        add::<bool>,
        add::<str>,
        add::<[u8]>,
        add::<[u8; 16]>,
        add::<[u32]>,
        add::<[String]>,
        add::<Option<u32>>,
        add::<Option<String>>,
        add::<Result<u32, String>>,
        add::<HashMap<String, u32>>,
        add::<Tree>,
        add::<Branch>,
    ];
    let mut seen = HashMap::new();
    for first in 0..shapes.len() {
        for second in 0..shapes.len() {
            for third in 0..shapes.len() {
                let signature = method(|schema| {
                    for shape in [first, second, third] {
                        shapes[shape](schema);
                    }
                    schema.reply::<()>();
                });
                let other = seen.insert(signature, (first, second, third));
                assert_eq!(other, None, "{:?} has the same", (first, second, third));
            }
        }
    }
    assert_eq!(seen.len(), 4913);
}
