//! Every value in every format.

use bytes::Bytes;
use farcall::{Marshal, Reader, Unmarshal, Writer};
use farcall_workloads::Result;
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_bytes::ByteBuf;

use super::contestant::Contestant;
use super::values::{self, FixedNumbers, Floats, Numbers, Opaque, Samples, Shared};
use super::{by_field, by_hand};

/// A macro, as the bounds of the two that follow would be longer than the code.
macro_rules! wincode {
    ($value:expr) => {
        Contestant::new(
            "wincode",
            $value,
            |value| wincode::serialize(value).expect("it can be encoded"),
            |message| Ok(wincode::deserialize_exact(message)?),
        )?
    };
}

macro_rules! bitcode {
    ($value:expr) => {
        Contestant::new(
            "bitcode",
            $value,
            |value| bitcode::encode(value),
            |message: &Vec<u8>| Ok(bitcode::decode(message)?),
        )?
    };
}

/// What is encoded, by everybody.
type Subject = (&'static str, Vec<Contestant>);

const BY_FIELD: &str = "by hand, by field";

/// All of them.
pub(crate) fn all() -> Result<Vec<Subject>> {
    Ok(vec![
        ("small struct", small()?),
        ("Vec of 1,000 small structs", row()?),
        ("Vec<f64> of 65,536", floats()?),
        ("Vec<u32> of 65,536", numbers()?),
        ("1 MiB of bytes", opaque()?),
    ])
}

fn small() -> Result<Vec<Contestant>> {
    let sample = || values::sample(7);
    Ok(vec![
        Contestant::new("by hand", sample(), by_hand::encode_sample, |m| {
            by_hand::decode_sample(m)
        })?,
        Contestant::new(BY_FIELD, sample(), by_field::encode_sample, |m| {
            by_field::decode_sample(m)
        })?,
        farcall("farcall", sample())?,
        postcard("postcard", sample())?,
        wincode!(sample()),
        bitcode!(sample()),
        prost("prost", sample())?,
    ])
}

fn row() -> Result<Vec<Contestant>> {
    let by_hand = |m: &Bytes| by_hand::decode_samples(m);
    Ok(vec![
        Contestant::new("by hand", values::samples(), |v| by_hand::encode_samples(v), by_hand)?,
        Contestant::new(
            BY_FIELD,
            values::samples(),
            |v| by_field::encode_samples(v),
            |m| by_field::decode_samples(m),
        )?,
        farcall("farcall", values::samples())?,
        postcard("postcard", values::samples())?,
        wincode!(values::samples()),
        bitcode!(values::samples()),
        prost("prost", Samples { row: values::samples() })?,
    ])
}

fn floats() -> Result<Vec<Contestant>> {
    let by_hand = |m: &Bytes| by_hand::decode_floats(m);
    Ok(vec![
        Contestant::new("by hand", values::floats(), |v| by_hand::encode_floats(v), by_hand)?,
        farcall("farcall", values::floats())?,
        postcard("postcard", values::floats())?,
        wincode!(values::floats()),
        bitcode!(values::floats()),
        prost("prost", Floats { row: values::floats() })?,
    ])
}

fn numbers() -> Result<Vec<Contestant>> {
    let by_hand = |m: &Bytes| by_hand::decode_numbers(m);
    Ok(vec![
        Contestant::new("by hand", values::numbers(), |v| by_hand::encode_numbers(v), by_hand)?,
        farcall("farcall", values::numbers())?,
        postcard("postcard", values::numbers())?,
        wincode!(values::numbers()),
        bitcode!(values::numbers()),
        prost("prost, uint32", Numbers { row: values::numbers() })?,
        prost("prost, fixed32", FixedNumbers { row: values::numbers() })?,
    ])
}

fn opaque() -> Result<Vec<Contestant>> {
    let by_hand = |m: &Bytes| by_hand::decode_opaque(m);
    Ok(vec![
        Contestant::new("by hand", values::opaque(), |v| by_hand::encode_opaque(v), by_hand)?,
        farcall("farcall, Vec<u8>", values::opaque())?,
        farcall("farcall, Bytes", Bytes::from(values::opaque()))?,
        postcard("postcard, serde_bytes", ByteBuf::from(values::opaque()))?,
        wincode!(values::opaque()),
        bitcode!(values::opaque()),
        prost("prost, Vec<u8>", Opaque { data: values::opaque() })?,
        shared()?,
    ])
}

fn farcall<V>(name: &'static str, value: V) -> Result<Contestant>
where
    V: Marshal + for<'a> Unmarshal<'a> + PartialEq + 'static,
{
    let encode = |value: &V, capacity| {
        let mut writer = Writer::with_capacity(capacity);
        value.marshal(&mut writer);
        writer.finish()
    };
    let length = encode(&value, 64)?.len();
    let decode = |message: &Bytes| {
        let mut reader = Reader::of_message(message);
        let value = V::unmarshal(&mut reader)?;
        reader.finish()?;
        Ok(value)
    };
    let encode = move |value: &V| encode(value, length).expect("it could be encoded before");
    Contestant::new(name, value, encode, decode)
}

/// Into memory of the right size, which is faster than to have it grow.
fn postcard<V>(name: &'static str, value: V) -> Result<Contestant>
where
    V: Serialize + DeserializeOwned + PartialEq + 'static,
{
    let length = postcard::to_allocvec(&value)?.len();
    let encode = move |value: &V| {
        let out = Vec::with_capacity(length);
        postcard::to_extend(value, out).expect("it could be encoded before")
    };
    let decode = |message: &Vec<u8>| {
        let (value, rest) = postcard::take_from_bytes(message)?;
        if !rest.is_empty() {
            return Err("something follows".into());
        }
        Ok(value)
    };
    Contestant::new(name, value, encode, decode)
}

fn prost<V: Message + Default + PartialEq + 'static>(
    name: &'static str,
    value: V,
) -> Result<Contestant> {
    let decode = |message: &Vec<u8>| Ok(V::decode(message.as_slice())?);
    Contestant::new(name, value, |value: &V| value.encode_to_vec(), decode)
}

/// What is decoded shares the memory of the message.
fn shared() -> Result<Contestant> {
    let value = Shared { data: values::opaque().into() };
    let encode = |value: &Shared| Bytes::from(value.encode_to_vec());
    let decode = |message: &Bytes| Ok(Shared::decode(message.clone())?);
    Contestant::new("prost, Bytes", value, encode, decode)
}
