//! XDR without a library: as short and as fast as somebody would write it for just these types.
//!
//! It looks at the lengths that it has to look at, and nothing else. A message is `Bytes`, as in farcall: so it can be
//! sent again without a copy.

use bytes::Bytes;
use farcall_workloads::Result;

use super::values::Sample;

/// Bytes of an encoded sample.
const SAMPLE: usize = 40;

fn put_sample(out: &mut Vec<u8>, sample: &Sample) {
    // One check of the capacity, not six.
    let mut bytes = [0; SAMPLE];
    bytes[..8].copy_from_slice(&sample.id.to_be_bytes());
    bytes[8..12].copy_from_slice(&sample.kind.to_be_bytes());
    bytes[12..20].copy_from_slice(&sample.x.to_be_bytes());
    bytes[20..28].copy_from_slice(&sample.y.to_be_bytes());
    bytes[28..36].copy_from_slice(&sample.z.to_be_bytes());
    bytes[36..].copy_from_slice(&u32::from(sample.is_valid).to_be_bytes());
    out.extend_from_slice(&bytes);
}

/// False beside it: one of its fields is nothing that there is.
fn get_sample(bytes: &[u8; SAMPLE]) -> (Sample, bool) {
    let word = |at: usize| bytes[at..at + 4].try_into().expect("four bytes");
    let pair = |at: usize| bytes[at..at + 8].try_into().expect("eight bytes");
    let is_valid = u32::from_be_bytes(word(36));
    let sample = Sample {
        id: u64::from_be_bytes(pair(0)),
        kind: u32::from_be_bytes(word(8)),
        x: f64::from_be_bytes(pair(12)),
        y: f64::from_be_bytes(pair(20)),
        z: f64::from_be_bytes(pair(28)),
        is_valid: is_valid == 1,
    };
    (sample, is_valid <= 1)
}

pub(crate) fn encode_sample(sample: &Sample) -> Bytes {
    let mut out = Vec::with_capacity(SAMPLE);
    put_sample(&mut out, sample);
    out.into()
}

pub(crate) fn decode_sample(bytes: &[u8]) -> Result<Sample> {
    match get_sample(bytes.try_into()?) {
        (sample, true) => Ok(sample),
        (_, false) => Err("not a bool".into()),
    }
}

/// A vector with room for so many bytes, which begins with a count.
fn with_count(count: usize, bytes: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 + bytes);
    out.extend_from_slice(&(count as u32).to_be_bytes());
    out
}

/// The elements after the count, of `N` bytes each.
fn elements<const N: usize>(bytes: &[u8]) -> Result<&[[u8; N]]> {
    let (count, rest) = bytes.split_first_chunk::<4>().ok_or("no count")?;
    let (elements, rest) = rest.as_chunks::<N>();
    if elements.len() != u32::from_be_bytes(*count) as usize || !rest.is_empty() {
        return Err("another count".into());
    }
    Ok(elements)
}

pub(crate) fn encode_samples(samples: &[Sample]) -> Bytes {
    let mut out = with_count(samples.len(), samples.len() * SAMPLE);
    for sample in samples {
        put_sample(&mut out, sample);
    }
    out.into()
}

pub(crate) fn decode_samples(bytes: &[u8]) -> Result<Vec<Sample>> {
    let mut are_valid = true;
    let samples = elements(bytes)?.iter().map(|bytes| {
        let (sample, is_valid) = get_sample(bytes);
        are_valid &= is_valid;
        sample
    });
    let samples = samples.collect();
    if are_valid { Ok(samples) } else { Err("not a bool".into()) }
}

pub(crate) fn encode_floats(numbers: &[f64]) -> Bytes {
    let mut out = with_count(numbers.len(), numbers.len() * 8);
    out.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
    out.into()
}

pub(crate) fn decode_floats(bytes: &[u8]) -> Result<Vec<f64>> {
    Ok(elements(bytes)?.iter().map(|bytes| f64::from_be_bytes(*bytes)).collect())
}

pub(crate) fn encode_numbers(numbers: &[u32]) -> Bytes {
    let mut out = with_count(numbers.len(), numbers.len() * 4);
    out.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
    out.into()
}

pub(crate) fn decode_numbers(bytes: &[u8]) -> Result<Vec<u32>> {
    Ok(elements(bytes)?.iter().map(|bytes| u32::from_be_bytes(*bytes)).collect())
}

/// Only lengths that are a multiple of four, so that there is nothing to be filled up.
pub(crate) fn encode_opaque(data: &[u8]) -> Bytes {
    let mut out = with_count(data.len(), data.len());
    out.extend_from_slice(data);
    out.into()
}

pub(crate) fn decode_opaque(bytes: &[u8]) -> Result<Vec<u8>> {
    Ok(elements::<1>(bytes)?.as_flattened().to_vec())
}
