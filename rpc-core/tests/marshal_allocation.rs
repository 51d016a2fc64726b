//! Decoding allocates what it has charged before, and no more, whatever the bytes are.

#[allow(dead_code, reason = "shared with other tests")]
mod counting_allocator;
#[allow(dead_code, reason = "shared with other tests")]
mod marshal_types;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::num::NonZeroU8;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use counting_allocator::asked;
use farcall_core::marshal::{
    ALLOCATION_BASE, ALLOCATION_FACTOR, Marshal, Reader, Unmarshal, Writer,
};
use marshal_types::{Branch, File, Point, StringEntry, Tree};
use proptest::collection::vec;
use proptest::prelude::*;

/// What an error with the longest path takes, with the smaller vectors it grew from.
const ERROR: usize = 2048;

/// Decodes with each of some allowances, and checks that no more was allocated than was charged.
/// Returns whether the bytes were a value, given enough memory.
fn check<'a, T: Unmarshal<'a>>(bytes: &'a [u8]) -> bool {
    let usual = bytes.len() * ALLOCATION_FACTOR + ALLOCATION_BASE;
    let mut is_value = false;
    for allowance in [0, 64, 512, 4096, 65_536, usual] {
        let mut reader = Reader::new(bytes);
        assert_eq!(reader.allowance(), usual);
        reader = reader.with_allowance(allowance);
        let before = asked();
        let result = T::unmarshal(&mut reader);
        let asked = asked() - before;
        let charged = allowance - reader.allowance();
        let error = if result.is_err() { ERROR } else { 0 };
        assert!(
            asked <= charged + error,
            "{}: {asked} bytes allocated, {charged} charged, {} in the message",
            std::any::type_name::<T>(),
            bytes.len(),
        );
        is_value = result.is_ok();
    }
    is_value
}

fn check_value<T: Marshal + for<'a> Unmarshal<'a>>(value: &T) {
    let mut out = Writer::new();
    value.marshal(&mut out);
    assert!(check::<T>(out.as_slice()), "{} is a value", std::any::type_name::<T>());
}

macro_rules! check_each {
    ($bytes:expr, $($type:ty)*) => {
        $(check::<$type>($bytes);)*
    };
}

fn check_zoo(bytes: &[u8]) {
    check_each! { bytes,
        String Box<str> Rc<str> Arc<str> &str &[u8] Bytes
        BytesMut Cow<'_, str> Cow<'_, [u8]> Cow<'_, [String]> Vec<Cow<'_, str>> Vec<NonZeroU8>
        [Box<str>; 3] Vec<[(); 1000]> Vec<Option<Box<[u64; 1000]>>> Vec<Range<String>>
        Vec<u8> Vec<i8> Vec<u16> Vec<u64> Vec<bool> Vec<char> Vec<usize> Vec<u128> Vec<()>
        Vec<String> Vec<Bytes> Vec<Vec<u8>> Vec<Vec<Vec<u32>>> Vec<[u8; 3]> Vec<[String; 2]>
        Box<[u8]> Box<[u32]> Box<[String]> VecDeque<u8> VecDeque<String> Rc<[u16]> Arc<[String]>
        Vec<Option<[u64; 64]>> Vec<Option<Box<[u64; 64]>>> Vec<Result<Box<Option<[u64; 64]>>, ()>>
        Vec<Box<u8>> Vec<Rc<u8>> Vec<Arc<u128>> Vec<Arc<str>>
        BTreeMap<u8, String> BTreeMap<u8, [u64; 16]> BTreeSet<u8> BTreeSet<u128> BTreeSet<String>
        HashMap<u8, String> HashMap<u8, [u64; 16]> HashSet<u8> HashSet<u16> HashSet<u128> HashSet<()>
        Vec<BTreeMap<u8, [u64; 4]>> Vec<HashMap<u8, [u64; 4]>> BTreeMap<u8, BTreeSet<u8>>
        File Vec<File> Tree Vec<Tree> Branch Option<Box<StringEntry>> Vec<Option<Point>>
        HashMap<String, Vec<(Option<Tree>, Result<Box<Point>, [u8; 3]>)>>
    }
}

/// Small words, which are counts and tags, among others.
fn plausible(words: usize) -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        6 => (0_u32..3).prop_map(u32::to_be_bytes),
        3 => (0_u32..40).prop_map(u32::to_be_bytes),
        1 => any::<[u8; 4]>(),
        1 => Just(*b"ab\0\0"),
    ];
    vec(word, 0..words).prop_map(|words| words.as_flattened().to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn hostile_bytes(bytes in plausible(40)) {
        check_zoo(&bytes);
    }
}

#[test]
fn hostile_counts_over_long_messages() {
    for length in [64, 4096, 1 << 20] {
        for word in [0_u32, 1, 2] {
            for count in
                [0, 1, 7, length / 64, length / 8, length / 4 - 1, length, u32::MAX as usize]
            {
                let mut bytes = word.to_be_bytes().repeat(length / 4);
                bytes[..4].copy_from_slice(&u32::try_from(count).unwrap().to_be_bytes());
                check_zoo(&bytes);
            }
        }
    }
}

/// The charge for maps and sets rests on how the standard library lays them out.
#[test]
fn maps_and_sets_of_every_size() {
    for count in (0..300_u32).chain([1000, 1791, 1792, 1793, 5000, 28_672, 28_673]) {
        let ascending = 0..count;
        check_value::<BTreeSet<u32>>(&ascending.clone().collect());
        check_value::<HashSet<u32>>(&ascending.clone().collect());
        check_value::<BTreeMap<u32, [u64; 5]>>(
            &ascending.clone().map(|key| (key, [0; 5])).collect(),
        );
        check_value::<HashMap<u32, [u64; 5]>>(
            &ascending.clone().map(|key| (key, [0; 5])).collect(),
        );
        check_value::<HashMap<u32, ()>>(&ascending.clone().map(|key| (key, ())).collect());
        if count <= 256 {
            let small = || (0..count).map(|key| u8::try_from(key).unwrap());
            check_value::<BTreeSet<u8>>(&small().collect());
            check_value::<HashSet<u8>>(&small().collect());
            check_value::<HashMap<u8, u8>>(&small().map(|key| (key, 0)).collect());
            check_value::<BTreeMap<u8, u128>>(&small().map(|key| (key, 0)).collect());
        }
        // Other orders split the nodes of a tree in other places.
        let descending: Vec<u32> = ascending.clone().rev().collect();
        let mixed: Vec<u32> = ascending.map(|key| key.wrapping_mul(0x9e37_79b1)).collect();
        for keys in [descending, mixed] {
            let mut out = Writer::new();
            keys.marshal(&mut out);
            assert!(check::<BTreeSet<u32>>(out.as_slice()));
        }
    }
}

/// Values that people send are within the usual allowance.
#[test]
fn honest_values_are_not_refused() {
    check_value(&vec![String::new(); 200_000]);
    check_value(&vec![None::<String>; 200_000]);
    check_value(&vec![(String::new(), Vec::<u64>::new()); 100_000]);
    check_value(&vec![None::<[u64; 128]>; 1000]);
    check_value(&vec![Some(Box::new(1_u8)); 100_000]);
    // Just above a power of two a hash table is at its emptiest.
    let name = |number: usize| format!("{number:04x}");
    check_value::<HashMap<String, String>>(
        &(0..57_345).map(|n| (name(n), String::new())).collect(),
    );
    check_value::<BTreeMap<String, String>>(
        &(0..57_345).map(|n| (name(n), String::new())).collect(),
    );
    let labels = BTreeMap::from([("host".to_owned(), "a1".to_owned())]);
    check_value(&vec![labels; 3000]);
}

#[test]
fn parts_of_a_shared_message_cost_nothing() {
    let mut out = Writer::new();
    Bytes::from(vec![1; 100_000]).marshal(&mut out);
    let message = out.finish().expect("bytes can be encoded");
    let mut reader = Reader::of_message(&message).with_allowance(0);
    let before = asked();
    let part = Bytes::unmarshal(&mut reader).expect("no memory is needed");
    // The first clone of a buffer puts its counter on the heap.
    assert!(asked() - before <= 64);
    assert_eq!(part.len(), 100_000);
}
