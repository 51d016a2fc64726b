//! Each supported type: what is encoded is decoded, what is decoded was encoded that way, and a
//! stranger's bytes are a value or an error.

#[allow(dead_code, reason = "shared with other tests")]
mod marshal_types;

use std::borrow::Cow;
use std::cmp::{Ordering, Reverse};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::convert::Infallible;
use std::fmt::Debug;
use std::hash::BuildHasherDefault;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::{NonZeroI16, NonZeroI128, NonZeroU8, NonZeroU128, Wrapping};
use std::ops::{Bound, Range, RangeInclusive};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use farcall_core::marshal::{Marshal, Reader, Unmarshal};
use marshal_types::{Binary, Branch, File, FileType, Line, Node, Point, Tree, decode, encode};
use proptest::collection::{btree_map, btree_set, hash_map, hash_set, vec, vec_deque};
use proptest::prelude::*;

/// What holds for every value of every type.
fn check<T>(value: &T)
where
    T: Marshal + for<'a> Unmarshal<'a> + PartialEq + Debug,
{
    let bytes = encode(value);
    assert_eq!(bytes.len() % 4, 0, "whole units");
    let (min, max) = (<T as Unmarshal<'_>>::MIN, <T as Marshal>::MAX);
    assert!(bytes.len() >= min, "{} bytes, MIN is {min}", bytes.len());
    assert!(max.is_none_or(|max| bytes.len() <= max), "{} bytes, MAX is {max:?}", bytes.len());

    let decoded: T = decode(&bytes).expect("what was encoded");
    assert_eq!(&decoded, value);
    assert_eq!(encode(&decoded), bytes, "a value has one encoding");

    let message = Bytes::from(bytes.clone());
    let mut reader = Reader::of_message(&message);
    assert_eq!(T::unmarshal(&mut reader).as_ref(), Ok(value), "from a shared message");
    reader.finish().expect("nothing follows");

    for length in 0..bytes.len() {
        assert!(decode::<T>(&bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
    }
    for extra in 1..=4 {
        let longer = [&bytes[..], &[0; 4][..extra]].concat();
        assert!(decode::<T>(&longer).is_err(), "{extra} bytes too many");
    }
}

/// A stranger's bytes are refused, or they are the encoding of the value.
fn check_hostile<T>(bytes: &[u8])
where
    T: Marshal + for<'a> Unmarshal<'a>,
{
    if let Ok(value) = decode::<T>(bytes) {
        assert_eq!(encode(&value), bytes, "two encodings of one value");
    }
}

/// As [`check_hostile`], for types whose order on the wire is free.
fn check_hostile_unordered<T>(bytes: &[u8])
where
    T: Marshal + for<'a> Unmarshal<'a> + PartialEq + Debug,
{
    if let Ok(value) = decode::<T>(bytes) {
        assert_eq!(decode(&encode(&value)), Ok(value));
    }
}

fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..8).prop_map(String::from_iter)
}

fn point() -> impl Strategy<Value = Point> {
    any::<(i32, i32)>().prop_map(|(x, y)| Point { x, y })
}

fn tree() -> impl Strategy<Value = Tree> {
    Just(Tree::Leaf).prop_recursive(5, 24, 4, |inner| {
        (inner.clone(), vec(inner, 0..3)).prop_map(|(first, rest)| Tree::Node(first.into(), rest))
    })
}

fn branch() -> impl Strategy<Value = Branch> {
    Just(Branch::Leaf).prop_recursive(5, 24, 4, |inner| {
        (any::<i32>(), vec(inner, 0..4))
            .prop_map(|(label, children)| Branch::Node(Node { label, children }))
    })
}

fn binary() -> impl Strategy<Value = Binary> {
    let leaf = any::<u8>().prop_map(|label| Binary { label, children: [None, None] });
    leaf.prop_recursive(5, 24, 2, |inner| {
        let child = || prop::option::of(inner.clone().prop_map(Box::new));
        (any::<u8>(), [child(), child()]).prop_map(|(label, children)| Binary { label, children })
    })
}

fn file() -> impl Strategy<Value = File> {
    let kind = prop_oneof![
        Just(FileType::Text),
        text().prop_map(FileType::Data),
        text().prop_map(|interpretor| FileType::Exec { interpretor }),
    ];
    (text(), kind, text(), vec(any::<u8>(), 0..20)).prop_map(|(filename, kind, owner, data)| File {
        filename,
        kind,
        owner,
        data,
    })
}

macro_rules! round_trips {
    ($($name:ident: $type:ty = $strategy:expr;)*) => {
        proptest! {$(
            #[test]
            fn $name(value in $strategy) {
                check::<$type>(&value);
            }
        )*}
    };
}

mod scalars {
    use super::*;

    round_trips! {
        u8_: u8 = any::<u8>();
        i8_: i8 = any::<i8>();
        u16_: u16 = any::<u16>();
        i16_: i16 = any::<i16>();
        u32_: u32 = any::<u32>();
        i32_: i32 = any::<i32>();
        u64_: u64 = any::<u64>();
        i64_: i64 = any::<i64>();
        u128_: u128 = any::<u128>();
        i128_: i128 = any::<i128>();
        usize_: usize = any::<usize>();
        isize_: isize = any::<isize>();
        f32_: f32 = any::<f32>();
        f64_: f64 = any::<f64>();
        bool_: bool = any::<bool>();
        char_: char = any::<char>();
        unit: () = Just(());
        phantom: PhantomData<u8> = Just(PhantomData);
        non_zero: NonZeroI16 = any::<NonZeroI16>();
        large_non_zero: NonZeroU128 = any::<NonZeroU128>();
        wrapping: Wrapping<i32> = any::<i32>().prop_map(Wrapping);
        ordering: Ordering = prop_oneof![
            Just(Ordering::Less), Just(Ordering::Equal), Just(Ordering::Greater)
        ];
        duration: Duration = any::<Duration>();
        time: SystemTime = any::<(i32, u32)>().prop_map(|(seconds, nanoseconds)| {
            let whole = Duration::from_secs(seconds.unsigned_abs().into());
            let whole = if seconds < 0 { UNIX_EPOCH - whole } else { UNIX_EPOCH + whole };
            whole + Duration::from_nanos(nanoseconds.into())
        });
        ipv4: Ipv4Addr = any::<Ipv4Addr>();
        ipv6: Ipv6Addr = any::<Ipv6Addr>();
        ip: IpAddr = any::<IpAddr>();
        socket_v4: SocketAddrV4 = any::<SocketAddrV4>();
        socket_v6: SocketAddrV6 = any::<SocketAddrV6>();
        socket: SocketAddr = any::<SocketAddr>();
    }
}

mod runs {
    use super::*;

    // Longer than a block of the writer, where that matters.
    round_trips! {
        of_u8: Vec<u8> = vec(any::<u8>(), 0..40);
        of_i8: Vec<i8> = vec(any::<i8>(), 0..10);
        of_u16: Vec<u16> = vec(any::<u16>(), 0..10);
        of_i16: Vec<i16> = vec(any::<i16>(), 0..10);
        of_u32: Vec<u32> = vec(any::<u32>(), 0..150);
        of_i32: Vec<i32> = vec(any::<i32>(), 0..10);
        of_u64: Vec<u64> = vec(any::<u64>(), 0..150);
        of_i64: Vec<i64> = vec(any::<i64>(), 0..10);
        of_u128: Vec<u128> = vec(any::<u128>(), 0..10);
        of_i128: Vec<i128> = vec(any::<i128>(), 0..10);
        of_usize: Vec<usize> = vec(any::<usize>(), 0..10);
        of_isize: Vec<isize> = vec(any::<isize>(), 0..10);
        of_f32: Vec<f32> = vec(any::<f32>(), 0..10);
        of_f64: Vec<f64> = vec(any::<f64>(), 0..10);
        of_bool: Vec<bool> = vec(any::<bool>(), 0..150);
        of_char: Vec<char> = vec(any::<char>(), 0..10);
        of_unit: Vec<()> = vec(Just(()), 0..10);
        of_text: Vec<String> = vec(text(), 0..6);
        of_bytes: Vec<Bytes> = vec(vec(any::<u8>(), 0..20).prop_map(Bytes::from), 0..6);
        of_runs: Vec<Vec<u8>> = vec(vec(any::<u8>(), 0..9), 0..6);
        of_arrays: Vec<[u8; 3]> = vec(any::<[u8; 3]>(), 0..6);
        of_points: Vec<Point> = vec(point(), 0..6);
        array_of_u8: [u8; 7] = any::<[u8; 7]>();
        array_of_u16: [u16; 3] = any::<[u16; 3]>();
        array_of_u64: [u64; 3] = any::<[u64; 3]>();
        array_of_bool: [bool; 3] = any::<[bool; 3]>();
        array_of_arrays: [[u8; 5]; 3] = any::<[[u8; 5]; 3]>();
        array_of_text: [String; 2] = [text(), text()];
        empty_array: [String; 0] = Just([]);
        array_of_unit: [(); 5] = Just([(); 5]);
        boxed_slice: Box<[u8]> = vec(any::<u8>(), 0..9).prop_map(Vec::into_boxed_slice);
        boxed_slice_of_numbers: Box<[u32]> = vec(any::<u32>(), 0..9).prop_map(Vec::into_boxed_slice);
        deque_of_u8: VecDeque<u8> = vec_deque(any::<u8>(), 0..9);
        deque_of_u64: VecDeque<u64> = vec_deque(any::<u64>(), 0..9);
        string: String = text();
        boxed_str: Box<str> = text().prop_map(String::into_boxed_str);
        bytes: Bytes = vec(any::<u8>(), 0..40).prop_map(Bytes::from);
        mutable_bytes: BytesMut = vec(any::<u8>(), 0..40).prop_map(|bytes| BytesMut::from(&bytes[..]));
        of_non_zeros: Vec<NonZeroU8> = vec(any::<NonZeroU8>(), 0..9);
    }
}

mod collections {
    use super::*;

    type Hasher = BuildHasherDefault<DefaultHasher>;

    round_trips! {
        map: BTreeMap<u8, String> = btree_map(any::<u8>(), text(), 0..30);
        set: BTreeSet<u8> = btree_set(any::<u8>(), 0..30);
        hash_map_: HashMap<String, Vec<u8>> = hash_map(text(), vec(any::<u8>(), 0..9), 0..10);
        hash_set_: HashSet<i64> = hash_set(any::<i64>(), 0..30);
        other_hasher: HashMap<u16, u16, Hasher> =
            hash_map(any::<u16>(), any::<u16>(), 0..9).prop_map(|map| map.into_iter().collect());
        other_set: HashSet<u16, Hasher> =
            hash_set(any::<u16>(), 0..9).prop_map(|set| set.into_iter().collect());
        set_of_unit: BTreeSet<()> = btree_set(Just(()), 0..2);
    }
}

mod compounds {
    use super::*;

    type Twelve = (u8, i8, u16, i16, u32, i32, u64, i64, bool, char, (), String);

    fn twelve() -> impl Strategy<Value = Twelve> {
        (any::<(u8, i8, u16, i16, u32, i32, u64, i64, bool, char)>(), text())
            .prop_map(|((a, b, c, d, e, f, g, h, i, j), l)| (a, b, c, d, e, f, g, h, i, j, (), l))
    }

    round_trips! {
        option: Option<u64> = any::<Option<u64>>();
        nested_option: Option<Option<bool>> = any::<Option<Option<bool>>>();
        result: Result<u64, String> = prop_oneof![any::<u64>().prop_map(Ok), text().prop_map(Err)];
        one: (u8,) = any::<(u8,)>();
        three: (u8, String, Option<bool>) = (any::<u8>(), text(), any::<Option<bool>>());
        twelve_: Twelve = twelve();
        range: Range<u32> = any::<(u32, u32)>().prop_map(|(start, end)| start..end);
        inclusive_range: RangeInclusive<String> =
            (text(), text()).prop_map(|(start, end)| start..=end);
        bound: Bound<String> = prop_oneof![
            text().prop_map(Bound::Included),
            text().prop_map(Bound::Excluded),
            Just(Bound::Unbounded),
        ];
        boxed: Box<u64> = any::<Box<u64>>();
        rc: Rc<u64> = any::<Rc<u64>>();
        arc: Arc<String> = text().prop_map(Arc::new);
        arc_str: Arc<str> = text().prop_map(Arc::from);
        rc_str: Rc<str> = text().prop_map(Rc::from);
        arc_slice: Arc<[u8]> = vec(any::<u8>(), 0..9).prop_map(Arc::from);
        rc_slice: Rc<[Point]> = vec(point(), 0..5).prop_map(Rc::from);
        cow: Cow<'static, u64> = any::<u64>().prop_map(Cow::Owned);
        file_: File = file();
        tree_: Tree = tree();
        branch_: Branch = branch();
        binary_: Binary = binary();
        all_together: BTreeMap<String, Vec<(Option<Tree>, Result<Box<Point>, [u8; 3]>)>> = btree_map(
            text(),
            vec(
                (
                    prop::option::of(tree()),
                    prop_oneof![
                        point().prop_map(|point| Ok(Box::new(point))),
                        any::<[u8; 3]>().prop_map(Err),
                    ],
                ),
                0..4,
            ),
            0..4,
        );
    }
}

/// Runs a check with each of a zoo of types.
macro_rules! with_each_type {
    ($check:ident, $check_unordered:ident, $bytes:expr) => {
        with_each_type! { @ $check, $bytes,
            () u8 i8 u16 i16 u32 i32 u64 i64 u128 i128 usize isize f32 f64 bool char
            NonZeroU8 NonZeroI128 Wrapping<u16> Reverse<Vec<u8>> Ordering Result<u8, Infallible>
            Range<u8> RangeInclusive<String> Bound<bool> SystemTime BytesMut
            Duration IpAddr Ipv4Addr Ipv6Addr SocketAddr SocketAddrV4 SocketAddrV6
            String Box<str> Arc<str> Bytes PhantomData<String>
            Vec<u8> Vec<i8> Vec<u16> Vec<u64> Vec<f64> Vec<bool> Vec<char> Vec<usize> Vec<()>
            Vec<String> Vec<Bytes> Vec<Vec<u8>> Vec<Vec<Vec<u32>>> Vec<[u8; 3]> Vec<Option<[u64; 64]>>
            Box<(u8,)> Box<(u8, Vec<u8>, bool)> [u8; 5] [u64; 3] [bool; 3] [String; 2] [[u8; 3]; 2] [(); 9] Vec<[(); 9]>
            Box<[u8]> Box<[u32]> VecDeque<u8> VecDeque<String> Rc<[u16]> Arc<[String]>
            Option<u8> Option<Option<String>> Result<u64, String>
            Box<u64> Rc<String> Arc<Vec<u8>> Cow<'static, u64> Option<Box<Point>>
            File FileType Point Tree Branch Binary Vec<File> Vec<Tree> Vec<Option<Tree>>
        }
        with_each_type! { @ $check_unordered, $bytes,
            BTreeMap<u8, String> BTreeMap<String, Vec<Tree>> BTreeSet<u8> BTreeSet<Vec<u8>>
            HashMap<u32, bool> HashMap<String, HashSet<u8>> HashSet<String> HashSet<()>
            Vec<BTreeMap<u8, u8>> BTreeMap<u8, BTreeMap<u8, BTreeSet<bool>>>
        }
    };
    (@ $check:ident, $bytes:expr, $($type:ty)*) => {
        $($check::<$type>($bytes);)*
    };
}

/// Bytes that look like a message: small words, which are counts and tags, among others.
fn plausible() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        4 => (0_u32..5).prop_map(u32::to_be_bytes),
        1 => any::<[u8; 4]>(),
        1 => Just([0xff; 4]),
        1 => Just(*b"ab\0\0"),
    ];
    (vec(word, 0..24), vec(any::<u8>(), 0..4))
        .prop_map(|(words, rest)| [words.as_flattened(), &rest].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn plausible_bytes_are_a_value_or_an_error(bytes in plausible()) {
        with_each_type!(check_hostile, check_hostile_unordered, &bytes);
    }

    #[test]
    fn arbitrary_bytes_are_a_value_or_an_error(bytes in vec(any::<u8>(), 0..64)) {
        with_each_type!(check_hostile, check_hostile_unordered, &bytes);
    }
}

proptest! {
    #[test]
    fn a_changed_byte_is_a_value_or_an_error(
        file in file(),
        tree in tree(),
        index in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = encode(&(&file, &tree));
        *index.get_mut(&mut bytes) = byte;
        check_hostile::<(File, Tree)>(&bytes);
    }

    #[test]
    fn borrowed_types(words in vec(text(), 0..5), bytes in vec(any::<u8>(), 0..9)) {
        let line = Line { name: words.first().map_or("", String::as_str), points: words.clone() };
        let encoded = encode(&line);
        prop_assert_eq!(decode::<Line<'_, String>>(&encoded), Ok(line));

        let encoded = encode(&(&words, &bytes));
        type Borrowed<'a> = (Vec<&'a str>, &'a [u8]);
        let decoded: Borrowed<'_> = decode(&encoded).unwrap();
        prop_assert_eq!(decoded, (words.iter().map(String::as_str).collect(), &bytes[..]));

        let decoded: (Vec<Cow<'_, str>>, Cow<'_, [u8]>) = decode(&encoded).unwrap();
        prop_assert!(matches!(decoded.1, Cow::Borrowed(_)));
        prop_assert!(decoded.0.iter().all(|word| matches!(word, Cow::Borrowed(_))));
        prop_assert_eq!(encode(&decoded), encoded);
    }

    #[test]
    fn a_deque_is_a_vector_wherever_it_wraps(values in vec(any::<u8>(), 1..20), turn in 0_usize..20) {
        let mut deque = VecDeque::from(values.clone());
        for _ in 0..turn {
            let first = deque.pop_front().unwrap();
            deque.push_back(first);
        }
        let straight: Vec<u8> = deque.iter().copied().collect();
        prop_assert_eq!(encode(&deque), encode(&straight));
    }

    #[test]
    fn equal_hashed_maps_are_equal_bytes(map in hash_map(any::<u32>(), text(), 0..20)) {
        // Another hasher and another history, hence another order of iteration.
        let again: HashMap<u32, String> = map.iter().map(|(key, value)| (*key, value.clone())).collect();
        prop_assert_eq!(encode(&map), encode(&again));
        let keys: HashSet<u32> = map.keys().copied().collect();
        let sorted: BTreeSet<u32> = map.keys().copied().collect();
        prop_assert_eq!(encode(&keys), encode(&sorted));
        prop_assert_eq!(encode(&map), encode(&map.into_iter().collect::<BTreeMap<_, _>>()));
    }

    #[test]
    fn bits_of_numbers_that_are_none_are_kept(single in any::<u32>(), double in any::<u64>()) {
        let bytes = encode(&(f32::from_bits(single), f64::from_bits(double)));
        let (decoded_single, decoded_double): (f32, f64) = decode(&bytes).unwrap();
        prop_assert_eq!(decoded_single.to_bits(), single);
        prop_assert_eq!(decoded_double.to_bits(), double);
    }
}
