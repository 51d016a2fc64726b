//! Every type that can be sent, there and back, with its edge values and with generated ones.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::{NonZeroI8, NonZeroU64, Saturating, Wrapping};
use std::ops::{Bound, Range, RangeInclusive};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use farcall::{Marshal, Unmarshal, rpc_interface};
use proptest::collection::{btree_map, hash_set, vec};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::{Place, both};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Marshal)]
pub struct Code(u8);

/// Recursive through a box, an option, a vector and a map.
#[derive(Clone, Debug, Default, PartialEq, Marshal)]
pub struct Folder {
    name: String,
    parent: Option<Box<Self>>,
    files: Vec<File>,
    folders: BTreeMap<String, Self>,
}

/// Recursive together with [`Folder`].
#[derive(Clone, Debug, PartialEq, Marshal)]
pub enum File {
    Empty,
    Plain { bytes: Vec<u8>, mode: [u8; 3] },
    Archive(Folder),
    Link(Box<Self>),
}

pub trait Unit {
    type Number;
}

#[derive(Clone, Debug, PartialEq)]
pub struct Metric;

impl Unit for Metric {
    type Number = u32;
}

/// Parameters, a constant, bounds of all kinds.
#[derive(Clone, Debug, PartialEq, Marshal)]
pub struct Grid<T, const N: usize>
where
    T: Copy + Default,
{
    cells: [[T; N]; 2],
    rest: Vec<Option<T>>,
}

#[derive(Clone, Debug, PartialEq, Marshal)]
#[marshal(bound = "U::Number: Marshal + for<'a> Unmarshal<'a>")]
pub struct Measure<U: Unit> {
    number: U::Number,
    unit: PhantomData<U>,
}

/// An interface with a method for each type, which gives back what it is given, and calls of each.
macro_rules! zoo {
    ($($name:ident: $type:ty = [$($value:expr),* $(,)?];)*) => {
        #[rpc_interface]
        pub trait Zoo {
            $(fn $name(&self, value: $type) -> $type;)*
        }

        pub struct Keeper;

        impl Zoo for Keeper {
            $(fn $name(&self, value: $type) -> $type {
                value
            })*
        }

        fn edge_values(zoo: &ZooClient) {
            $(
                let values: Vec<$type> = vec![$($value),*];
                for value in values {
                    assert_eq!(zoo.$name(value.clone()).unwrap(), value, stringify!($name));
                }
            )*
        }
    };
}

type Eleven = (u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8);

zoo! {
    u8_: u8 = [0, u8::MAX];
    i8_: i8 = [i8::MIN, -1, i8::MAX];
    u16_: u16 = [0, u16::MAX];
    i16_: i16 = [i16::MIN, i16::MAX];
    u32_: u32 = [0, u32::MAX];
    i32_: i32 = [i32::MIN, i32::MAX];
    u64_: u64 = [0, u64::MAX];
    i64_: i64 = [i64::MIN, i64::MAX];
    u128_: u128 = [0, 1 << 64, u128::MAX];
    i128_: i128 = [i128::MIN, -1, i128::MAX];
    usize_: usize = [0, usize::MAX];
    isize_: isize = [isize::MIN, isize::MAX];
    f32_: f32 = [-0.0, f32::MIN_POSITIVE, f32::INFINITY];
    f64_: f64 = [f64::EPSILON, f64::MAX, f64::NEG_INFINITY];
    bool_: bool = [false, true];
    char_: char = ['\0', 'ß', char::MAX];
    unit: () = [()];
    phantom: PhantomData<*const u8> = [PhantomData];
    non_zero: NonZeroU64 = [NonZeroU64::MIN, NonZeroU64::MAX];
    signed_non_zero: NonZeroI8 = [NonZeroI8::MIN, NonZeroI8::MAX];
    wrapping: Wrapping<i16> = [Wrapping(i16::MIN)];
    saturating: Saturating<u8> = [Saturating(u8::MAX)];
    reverse: Reverse<String> = [Reverse("a".to_owned())];
    ordering: Ordering = [Ordering::Less, Ordering::Equal, Ordering::Greater];

    string: String = [String::new(), "a".into(), "grün\0\n".into(), "x".repeat(1000)];
    boxed_str: Box<str> = ["".into(), "four".into()];
    arc_str: Arc<str> = ["".into(), "abc".into()];
    rc_str: Rc<str> = ["abc".into()];
    bytes: Vec<u8> = [vec![], vec![0], vec![255; 5], vec![7; 1000]];
    boxed_bytes: Box<[u8]> = [Box::new([]), Box::new([1, 2, 3])];
    deque_of_bytes: VecDeque<u8> = [VecDeque::new(), VecDeque::from([1, 2, 3])];
    shared_bytes: Bytes = [Bytes::new(), Bytes::from_static(&[1; 600])];
    mutable_bytes: BytesMut = [BytesMut::new(), BytesMut::from(&[1; 7][..])];
    byte_array: [u8; 5] = [[0; 5], [255; 5]];
    empty_array: [String; 0] = [[]];
    long_array: [u16; 100] = [[9; 100]];

    numbers: Vec<i64> = [vec![], vec![i64::MIN, 0, i64::MAX]];
    flags: Vec<bool> = [vec![true, false, true]];
    units: Vec<()> = [vec![], vec![(); 1000]];
    newtypes: Vec<Code> = [vec![Code(1), Code(255)]];
    words: Vec<String> = [vec![], vec!["a".into(), String::new()]];
    boxed_slice: Box<[u32]> = [Box::new([]), Box::new([1, 2])];
    arc_slice: Arc<[String]> = [Arc::new([]), Arc::new(["a".into()])];
    rc_slice: Rc<[u8]> = [Rc::new([1, 2, 3])];
    deque: VecDeque<String> = [VecDeque::from(["a".into(), "b".into()])];
    nested: Vec<Vec<Vec<u8>>> = [vec![vec![], vec![vec![], vec![1]]]];
    set: BTreeSet<u8> = [BTreeSet::new(), (0..=255).collect()];
    hash_set_: HashSet<String> = [HashSet::new(), HashSet::from(["a".into(), "b".into()])];
    map: BTreeMap<String, Vec<u8>> = [BTreeMap::new(), BTreeMap::from([("k".into(), vec![1])])];
    hash_map: HashMap<Code, Option<Code>> = [
        HashMap::new(),
        HashMap::from([(Code(1), None), (Code(2), Some(Code(3)))]),
    ];

    option: Option<u64> = [None, Some(0)];
    nested_option: Option<Option<()>> = [None, Some(None), Some(Some(()))];
    result: Result<Vec<u8>, String> = [Ok(vec![1]), Err("no".into())];
    never_fails: Result<u8, Infallible> = [Ok(1)];
    one: (String,) = [("a".into(),)];
    eleven: Eleven = [(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)];
    twelve: (u8, i8, u16, i16, u32, i32, u64, i64, bool, char, (), String) = [
        (1, -1, 2, -2, 3, -3, 4, -4, true, 'x', (), "end".into()),
    ];
    boxed: Box<u8> = [Box::new(1)];
    rc: Rc<Vec<String>> = [Rc::new(vec!["a".into()])];
    arc: Arc<(u8, Bytes)> = [Arc::new((1, Bytes::from_static(b"abc")))];

    range: Range<u32> = [0..0, 1..5, 0..u32::MAX];
    inclusive_range: RangeInclusive<i8> = [i8::MIN..=i8::MAX];
    bound: (Bound<String>, Bound<String>) = [
        (Bound::Unbounded, Bound::Unbounded),
        (Bound::Included("a".into()), Bound::Excluded("b".into())),
    ];
    duration: Duration = [Duration::ZERO, Duration::MAX, Duration::from_nanos(1)];
    time: SystemTime = [
        UNIX_EPOCH,
        UNIX_EPOCH - Duration::from_micros(1),
        UNIX_EPOCH + Duration::from_secs(4_000_000_000),
    ];
    ip: IpAddr = [Ipv4Addr::BROADCAST.into(), Ipv6Addr::LOCALHOST.into()];
    ip_4: Ipv4Addr = [Ipv4Addr::UNSPECIFIED];
    ip_6: Ipv6Addr = [Ipv6Addr::LOCALHOST];
    socket: SocketAddr = [([127, 0, 0, 1], 1).into(), ([9; 16], u16::MAX).into()];
    socket_4: SocketAddrV4 = [SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)];
    socket_6: SocketAddrV6 = [SocketAddrV6::new(Ipv6Addr::LOCALHOST, 1, u32::MAX, 3)];

    folder: Folder = [Folder::default(), full_folder(3)];
    file: File = [File::Empty, File::Link(Box::new(File::Archive(full_folder(1))))];
    grid: Grid<i16, 3> = [Grid { cells: [[1, 2, 3], [-4, -5, -6]], rest: vec![None, Some(7)] }];
    byte_grid: Grid<u8, 0> = [Grid { cells: [[], []], rest: vec![] }];
    measure: Measure<Metric> = [Measure { number: 7, unit: PhantomData }];
}

fn full_folder(depth: usize) -> Folder {
    let inside = (depth > 0).then(|| full_folder(depth - 1));
    let mut files = vec![File::Plain { bytes: b"text".to_vec(), mode: [6, 4, 4] }, File::Empty];
    files.extend(inside.clone().map(File::Archive));
    Folder {
        name: format!("at {depth}"),
        parent: Some(Box::default()),
        files,
        folders: inside.map(|folder| ("inside".to_owned(), folder)).into_iter().collect(),
    }
}

fn folder() -> impl Strategy<Value = Folder> {
    let text = || vec(any::<char>(), 0..4).prop_map(String::from_iter);
    let leaf = text().prop_map(|name| Folder { name, ..Folder::default() });
    leaf.prop_recursive(3, 12, 3, move |inner| {
        let file = prop_oneof![
            Just(File::Empty),
            (vec(any::<u8>(), 0..5), any::<[u8; 3]>())
                .prop_map(|(bytes, mode)| File::Plain { bytes, mode }),
            inner.clone().prop_map(File::Archive),
            Just(File::Link(Box::new(File::Empty))),
        ];
        let parent = prop::option::of(inner.clone().prop_map(Box::new));
        (text(), parent, vec(file, 0..3), btree_map(text(), inner, 0..3))
            .prop_map(|(name, parent, files, folders)| Folder { name, parent, files, folders })
    })
}

/// Calls a method with many values and compares what comes back.
fn generated<T: Clone + PartialEq + std::fmt::Debug>(
    strategy: impl Strategy<Value = T>,
    call: impl Fn(T) -> Result<T, farcall::CallError>,
) {
    let config = Config { cases: 100, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&strategy, |value| {
        let back = call(value.clone()).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(back, value);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

fn zoo(place: &Place, test: impl FnOnce(&ZooClient)) {
    let server = place.serve(|server| server.serve(ZooServer::new(Keeper)));
    test(&server.stub());
}

both! {
    fn edge_values_arrive_as_they_were_sent(place: &Place) {
        zoo(place, edge_values);
    }

    fn generated_values_arrive_as_they_were_sent(place: &Place) {
        zoo(place, |zoo| {
            generated(any::<i128>(), |value| zoo.i128_(value));
            generated(any::<f64>(), |value| zoo.f64_(value));
            generated(any::<char>(), |value| zoo.char_(value));
            generated(vec(any::<char>(), 0..200).prop_map(String::from_iter), |value| zoo.string(value));
            generated(vec(any::<u8>(), 0..1000), |value| zoo.bytes(value));
            generated(vec(any::<u8>(), 0..1000).prop_map(Bytes::from), |value| zoo.shared_bytes(value));
            generated(vec(any::<i64>(), 0..100), |value| zoo.numbers(value));
            generated(hash_set("[a-z]{0,5}", 0..20), |value| zoo.hash_set_(value));
            generated(btree_map("[a-z]{0,5}", vec(any::<u8>(), 0..9), 0..9), |value| zoo.map(value));
            generated(any::<Duration>(), |value| zoo.duration(value));
            generated(any::<SocketAddr>(), |value| zoo.socket(value));
            generated(any::<Range<u32>>(), |value| zoo.range(value));
            generated(any::<Result<Vec<u8>, String>>().prop_filter("it fits a datagram", |value| {
                match value {
                    Ok(bytes) => bytes.len() < 1000,
                    Err(text) => text.len() < 1000,
                }
            }), |value| zoo.result(value));
            generated(folder(), |value| zoo.folder(value));
        });
    }
}
