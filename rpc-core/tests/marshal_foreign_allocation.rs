//! What decoding types of other crates takes of memory is about what was charged for it.

#![cfg(feature = "serde")]

#[allow(dead_code, reason = "shared with other tests")]
mod counting_allocator;
#[allow(dead_code, reason = "shared with other tests")]
mod marshal_foreign_types;
#[allow(dead_code, reason = "shared with other tests")]
mod marshal_types;

use std::collections::{BTreeMap, BTreeSet, HashMap, LinkedList};

use counting_allocator::peak;
use farcall_core::marshal::{ALLOCATION_BASE, ALLOCATION_FACTOR, Reader, Serde, Unmarshal};
use marshal_foreign_types::{Shape, Tree};
use marshal_types::encode;
use serde::{Deserialize, Serialize};

/// How many bytes may be in use for each byte that was charged: containers that grow have their
/// elements twice for a moment, small values behind pointers are not seen, and those in nodes of
/// their own have neighbours.
const INACCURACY: usize = 4;

/// What an error, and a first block of a container, takes.
const SLACK: usize = 16_384;

/// Decodes with each of some allowances. Returns whether the bytes were a value, given enough.
fn check<T: Serialize + for<'a> Deserialize<'a>>(bytes: &[u8]) -> bool {
    let usual = bytes.len() * ALLOCATION_FACTOR + ALLOCATION_BASE;
    let mut is_value = false;
    for allowance in [0, 4096, 65_536, usual] {
        let mut reader = Reader::new(bytes).with_allowance(allowance);
        let (result, peak) = peak(|| Serde::<T>::unmarshal(&mut reader));
        let charged = allowance - reader.allowance();
        assert!(
            peak <= INACCURACY * charged + SLACK,
            "{}: {peak} bytes in use, {charged} charged, {} in the message",
            std::any::type_name::<T>(),
            bytes.len(),
        );
        is_value = result.is_ok();
    }
    is_value
}

macro_rules! check_each {
    ($bytes:expr; $($type:ty)*) => {
        $(check::<$type>($bytes);)*
    };
}

type Sparse = Option<[u128; 32]>;

#[test]
fn hostile_counts_over_long_messages() {
    for length in [64, 4096, 1 << 18] {
        for word in [0_u32, 1, 2] {
            for count in [0, 1, 7, length / 64, length / 8, length / 4 - 1, u32::MAX as usize] {
                let mut bytes = word.to_be_bytes().repeat(length / 4);
                bytes[..4].copy_from_slice(&u32::try_from(count).unwrap().to_be_bytes());
                check_each! { &bytes;
                    Vec<u8> Vec<String> Vec<Sparse> Vec<Box<Sparse>> Vec<Vec<Sparse>> Vec<()>
                    Vec<Box<u8>> Box<[Sparse]> LinkedList<Sparse> BTreeSet<Sparse>
                    BTreeMap<u32, Sparse> HashMap<u32, Sparse> Vec<HashMap<u8, Sparse>>
                    Vec<BTreeMap<u8, Sparse>> Tree Vec<Tree> Vec<Shape> String Option<Box<Shape>>
                    Vec<(Sparse, Vec<Sparse>)> Vec<Result<Box<Sparse>, u8>>
                }
            }
        }
    }
}

/// Values that people send are within the usual allowance.
#[test]
fn honest_values_are_not_refused() {
    fn honest<T: Serialize + for<'a> Deserialize<'a>>(value: T) {
        let bytes = encode(&Serde(value));
        assert!(check::<T>(&bytes), "{} is a value", std::any::type_name::<T>());
    }

    honest(vec![String::new(); 200_000]);
    honest(vec![None::<String>; 131_073]);
    honest(vec![(String::new(), Vec::<u64>::new()); 65_537]);
    honest(vec![None::<[u64; 32]>; 1000]);
    honest(vec![Some(Box::new(1_u8)); 100_000]);
    honest((0..57_345).map(|n| (format!("{n:04x}"), String::new())).collect::<HashMap<_, _>>());
    honest((0..57_345).map(|n| (format!("{n:04x}"), String::new())).collect::<BTreeMap<_, _>>());
    honest(vec![BTreeMap::from([("host".to_owned(), "a1".to_owned())]); 3000]);
    honest(vec![vec![String::new()]; 50_000]);
}
