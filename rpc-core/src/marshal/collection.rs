//! Maps and sets: counted arrays of pairs or of elements, never of runs.

use core::hash::{BuildHasher, Hash};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::error::Place;
use super::{
    DecodeError, DecodeErrorKind, Marshal, Reader, Schema, Unmarshal, Writer, min_add,
    unmarshal_element,
};

impl<K: Marshal, V: Marshal> Marshal for BTreeMap<K, V> {
    fn marshal(&self, out: &mut Writer) {
        out.put_count(self.len());
        for (key, value) in self {
            key.marshal(out);
            value.marshal(out);
        }
    }

    fn describe(schema: &mut Schema) {
        schema.map::<K, V>();
    }
}

impl<T: Marshal> Marshal for BTreeSet<T> {
    fn marshal(&self, out: &mut Writer) {
        out.put_count(self.len());
        for element in self {
            element.marshal(out);
        }
    }

    fn describe(schema: &mut Schema) {
        schema.set::<T>();
    }
}

/// Entries are written in the order of their keys' bytes, so that equal maps are equal messages.
impl<K: Marshal, V: Marshal, S> Marshal for HashMap<K, V, S> {
    fn marshal(&self, out: &mut Writer) {
        marshal_sorted(self.iter(), out);
    }

    fn describe(schema: &mut Schema) {
        schema.map::<K, V>();
    }
}

/// Elements are written in the order of their bytes, so that equal sets are equal messages.
impl<T: Marshal, S> Marshal for HashSet<T, S> {
    fn marshal(&self, out: &mut Writer) {
        marshal_sorted(self.iter().map(|element| (element, &())), out);
    }

    fn describe(schema: &mut Schema) {
        schema.set::<T>();
    }
}

/// The iteration order of a hashed container differs from process to process. If it reached the
/// wire, neither a message nor a simulated run could be reproduced.
fn marshal_sorted<'e, K: Marshal + 'e, V: Marshal + 'e>(
    entries: impl ExactSizeIterator<Item = (&'e K, &'e V)>,
    out: &mut Writer,
) {
    struct Span {
        start: usize,
        key_end: usize,
        end: usize,
    }

    out.put_count(entries.len());
    let mut unsorted = Writer::new();
    let mut spans = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let start = unsorted.len();
        key.marshal(&mut unsorted);
        let key_end = unsorted.len();
        value.marshal(&mut unsorted);
        spans.push(Span { start, key_end, end: unsorted.len() });
    }
    let bytes = unsorted.as_slice();
    spans.sort_unstable_by_key(|span| &bytes[span.start..span.key_end]);
    out.reserve(bytes.len());
    for span in spans {
        out.put_raw(&bytes[span.start..span.end]);
    }
    if let Some(error) = unsorted.error() {
        out.fail(error);
    }
}

impl<'a, K: Unmarshal<'a> + Ord, V: Unmarshal<'a>> Unmarshal<'a> for BTreeMap<K, V> {
    const MIN: usize = 4;

    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        unmarshal_entries(reader, min_add(K::MIN, V::MIN), tree_size::<(K, V)>, |count, reader| {
            let mut map = Self::new();
            for index in 0..count {
                let (offset, key, value) = unmarshal_entry(index, reader)?;
                if map.insert(key, value).is_some() {
                    return Err(duplicate_key(offset, index));
                }
            }
            Ok(map)
        })
    }
}

impl<'a, T: Unmarshal<'a> + Ord> Unmarshal<'a> for BTreeSet<T> {
    const MIN: usize = 4;

    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        unmarshal_entries(reader, T::MIN, tree_size::<T>, |count, reader| {
            let mut set = Self::new();
            for index in 0..count {
                let offset = reader.position();
                let element = unmarshal_element(index, reader)?;
                if !set.insert(element) {
                    return Err(duplicate_key(offset, index));
                }
            }
            Ok(set)
        })
    }
}

impl<'a, K, V, S> Unmarshal<'a> for HashMap<K, V, S>
where
    K: Unmarshal<'a> + Eq + Hash,
    V: Unmarshal<'a>,
    S: BuildHasher + Default,
{
    const MIN: usize = 4;

    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        unmarshal_entries(reader, min_add(K::MIN, V::MIN), table_size::<(K, V)>, |count, reader| {
            let mut map = Self::with_capacity_and_hasher(count, S::default());
            for index in 0..count {
                let (offset, key, value) = unmarshal_entry(index, reader)?;
                if map.insert(key, value).is_some() {
                    return Err(duplicate_key(offset, index));
                }
            }
            Ok(map)
        })
    }
}

impl<'a, T, S> Unmarshal<'a> for HashSet<T, S>
where
    T: Unmarshal<'a> + Eq + Hash,
    S: BuildHasher + Default,
{
    const MIN: usize = 4;

    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        unmarshal_entries(reader, T::MIN, table_size::<T>, |count, reader| {
            let mut set = Self::with_capacity_and_hasher(count, S::default());
            for index in 0..count {
                let offset = reader.position();
                let element = unmarshal_element(index, reader)?;
                if !set.insert(element) {
                    return Err(duplicate_key(offset, index));
                }
            }
            Ok(set)
        })
    }
}

/// Reads the count, and runs `read` with it once the limits allow that many entries of at
/// least `least` bytes each.
fn unmarshal_entries<'a, C>(
    reader: &mut Reader<'a>,
    least: usize,
    memory: fn(usize) -> usize,
    read: impl FnOnce(usize, &mut Reader<'a>) -> Result<C, DecodeError>,
) -> Result<C, DecodeError> {
    let count = reader.read_count()?;
    reader.admit(count, least)?;
    reader.charge(memory(count))?;
    reader.nested(|reader| read(count, reader))
}

fn unmarshal_entry<'a, K: Unmarshal<'a>, V: Unmarshal<'a>>(
    index: usize,
    reader: &mut Reader<'a>,
) -> Result<(usize, K, V), DecodeError> {
    let offset = reader.position();
    let key = K::unmarshal(reader)
        .map_err(|error| error.within(Place::Key).within(Place::Index(index)))?;
    let value = V::unmarshal(reader)
        .map_err(|error| error.within(Place::Value).within(Place::Index(index)))?;
    Ok((offset, key, value))
}

#[cold]
fn duplicate_key(offset: usize, index: usize) -> DecodeError {
    DecodeError::new(DecodeErrorKind::DuplicateKey, offset).within(Place::Index(index))
}

/// An upper bound for the memory of a hash table of the standard library: a power of two of
/// buckets, at most seven eighths full, each with a byte of its own, and a group of such bytes.
fn table_size<Entry>(count: usize) -> usize {
    if count == 0 {
        return 0;
    }
    // Tables of very small entries begin with a whole group.
    let least = if size_of::<Entry>() < 4 { 16 } else { 4 };
    let buckets = count.saturating_mul(8).div_ceil(7).next_power_of_two().max(least);
    buckets.saturating_mul(size_of::<Entry>() + 1).saturating_add(2 * align_of::<Entry>().max(16))
}

/// An upper bound for the memory of a B-tree of the standard library: nodes of eleven entries, of
/// which all but the root have at least five, and twelve edges in each inner node.
fn tree_size<Entry>(count: usize) -> usize {
    if count == 0 {
        return 0;
    }
    let leaf = 11 * size_of::<Entry>() + 2 * size_of::<usize>() + 2 * align_of::<Entry>();
    if count <= 11 {
        return leaf;
    }
    // Each leaf but the first has an entry of its own in some inner node above it.
    let leaves = count / 6 + 1;
    let inner_nodes = count / 30 + 1;
    let edges = 12 * size_of::<usize>();
    leaves.saturating_mul(leaf).saturating_add(inner_nodes.saturating_mul(leaf + edges))
}
