//! XDR by hand once more: one field after the other, each with a look at whether there is room for it or enough
//! left of it. So is most code that is written by hand, as it goes on working when a field has a length of its own.

use bytes::Bytes;
use farcall_workloads::Result;

use super::values::Sample;

/// Bytes of an encoded sample.
const SAMPLE: usize = 40;

fn put(out: &mut Vec<u8>, sample: &Sample) {
    out.extend_from_slice(&sample.id.to_be_bytes());
    out.extend_from_slice(&sample.kind.to_be_bytes());
    out.extend_from_slice(&sample.x.to_be_bytes());
    out.extend_from_slice(&sample.y.to_be_bytes());
    out.extend_from_slice(&sample.z.to_be_bytes());
    out.extend_from_slice(&u32::from(sample.is_valid).to_be_bytes());
}

/// Takes so many bytes from the front.
fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk().ok_or("too short")?;
    *bytes = rest;
    Ok(*taken)
}

fn get(bytes: &mut &[u8]) -> Result<Sample> {
    Ok(Sample {
        id: u64::from_be_bytes(take(bytes)?),
        kind: u32::from_be_bytes(take(bytes)?),
        x: f64::from_be_bytes(take(bytes)?),
        y: f64::from_be_bytes(take(bytes)?),
        z: f64::from_be_bytes(take(bytes)?),
        is_valid: match u32::from_be_bytes(take(bytes)?) {
            0 => false,
            1 => true,
            _ => return Err("not a bool".into()),
        },
    })
}

pub(crate) fn encode_sample(sample: &Sample) -> Bytes {
    let mut out = Vec::with_capacity(SAMPLE);
    put(&mut out, sample);
    out.into()
}

pub(crate) fn decode_sample(mut bytes: &[u8]) -> Result<Sample> {
    let sample = get(&mut bytes)?;
    if bytes.is_empty() { Ok(sample) } else { Err("too long".into()) }
}

pub(crate) fn encode_samples(samples: &[Sample]) -> Bytes {
    let mut out = Vec::with_capacity(4 + samples.len() * SAMPLE);
    out.extend_from_slice(&(samples.len() as u32).to_be_bytes());
    for sample in samples {
        put(&mut out, sample);
    }
    out.into()
}

pub(crate) fn decode_samples(mut bytes: &[u8]) -> Result<Vec<Sample>> {
    let count = u32::from_be_bytes(take(&mut bytes)?) as usize;
    if count > bytes.len() / SAMPLE {
        return Err("too short".into());
    }
    let mut samples = Vec::with_capacity(count);
    for _ in 0..count {
        samples.push(get(&mut bytes)?);
    }
    if bytes.is_empty() { Ok(samples) } else { Err("too long".into()) }
}
