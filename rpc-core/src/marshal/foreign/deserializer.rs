//! Bytes into values of serde's data model, within the limits of the reader.

use core::any::type_name;
use core::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, IntoDeserializer, Visitor};

use crate::marshal::error::Place;
use crate::marshal::{DecodeError, DecodeErrorKind, Reader, Unmarshal};

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::refused(reason)
    }
}

/// Reads a value whose own place in memory has been paid for.
pub(super) fn read<'de, T: Deserialize<'de>>(reader: &mut Reader<'de>) -> Result<T, DecodeError> {
    let start = reader.position();
    T::deserialize(Deserializer { reader, paid: size_of::<T>() })
        .map_err(|error| error.placed_at(start))
}

/// Reads one value.
struct Deserializer<'r, 'de> {
    reader: &'r mut Reader<'de>,
    /// The size of the place that the value goes to, for which memory has been charged. What is
    /// larger goes behind a pointer, which serde does not show.
    paid: usize,
}

impl<'de> Deserializer<'_, 'de> {
    /// Charges for a `T` that does not fit the place it goes to.
    fn pay<T>(&mut self) -> Result<(), DecodeError> {
        if size_of::<T>() > self.paid {
            self.reader.charge(size_of::<T>())?;
            self.paid = size_of::<T>();
        }
        Ok(())
    }

    /// Runs `visit` one level deeper.
    fn descend<T>(
        mut self,
        visit: impl FnOnce(Deserializer<'_, 'de>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        self.pay::<T>()?;
        let (start, paid) = (self.reader.position(), self.paid);
        self.reader
            .nested(|reader| visit(Deserializer { reader, paid }))
            .map_err(|error| error.placed_at(start))
    }

    fn fields<V: Visitor<'de>>(
        self,
        count: usize,
        owner: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.descend(|inner| Fields::read(inner, count, owner, names, visitor))
    }

    fn not_self_describing<V: Visitor<'de>>(self, _: V) -> Result<V::Value, DecodeError> {
        let type_name = type_name::<V::Value>();
        Err(self.reader.error(DecodeErrorKind::NotSelfDescribing { type_name }))
    }
}

/// Values that are read as ours are, and then shown to the visitor.
macro_rules! read_scalars {
    ($($method:ident: $type:ty, $visit:ident;)*) => {$(
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, DecodeError> {
            self.pay::<V::Value>()?;
            let start = self.reader.position();
            let value = <$type>::unmarshal(self.reader)?;
            visitor.$visit(value).map_err(|error: DecodeError| error.placed_at(start))
        }
    )*};
}

/// As above, for what the visitor may copy.
macro_rules! read_borrowed {
    ($($method:ident: $read:ident, $visit:ident;)*) => {$(
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, DecodeError> {
            self.pay::<V::Value>()?;
            let start = self.reader.position();
            let value = self.reader.$read()?;
            self.reader.charge(value.len())?;
            visitor.$visit(value).map_err(|error: DecodeError| error.placed_at(start))
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Deserializer<'_, 'de> {
    type Error = DecodeError;

    read_scalars! {
        deserialize_bool: bool, visit_bool;
        deserialize_i8: i8, visit_i8;
        deserialize_i16: i16, visit_i16;
        deserialize_i32: i32, visit_i32;
        deserialize_i64: i64, visit_i64;
        deserialize_i128: i128, visit_i128;
        deserialize_u8: u8, visit_u8;
        deserialize_u16: u16, visit_u16;
        deserialize_u32: u32, visit_u32;
        deserialize_u64: u64, visit_u64;
        deserialize_u128: u128, visit_u128;
        deserialize_f32: f32, visit_f32;
        deserialize_f64: f64, visit_f64;
        deserialize_char: char, visit_char;
    }

    read_borrowed! {
        deserialize_str: read_str, visit_borrowed_str;
        deserialize_string: read_str, visit_borrowed_str;
        deserialize_bytes: read_opaque, visit_borrowed_bytes;
        deserialize_byte_buf: read_opaque, visit_borrowed_bytes;
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.not_self_describing(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.not_self_describing(visitor)
    }

    /// Names are not sent. Where enumerations have a `tag` and a `content`, their number stands there.
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_u32(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, DecodeError> {
        self.pay::<V::Value>()?;
        if self.reader.read_bool()? {
            self.descend(|inner| visitor.visit_some(inner))
        } else {
            visitor.visit_none()
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, DecodeError> {
        self.pay::<V::Value>()?;
        let start = self.reader.position();
        visitor.visit_unit().map_err(|error: DecodeError| error.placed_at(start))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.descend(|inner| visitor.visit_newtype_struct(inner))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let count = self.reader.read_count()?;
        self.descend(|inner| {
            let mut elements = Elements::new(inner.reader, count);
            let value = visitor.visit_seq(&mut elements)?;
            finish(elements.reader, elements.next, count)?;
            Ok(value)
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let count = self.reader.read_count()?;
        self.descend(|inner| {
            let mut entries = Elements::new(inner.reader, count);
            let value = visitor.visit_map(&mut entries)?;
            finish(entries.reader, entries.next, count)?;
            Ok(value)
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.fields(count, "", &[], visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.fields(count, name, &[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.fields(fields.len(), name, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let tag = self.reader.read_tag()?;
        let Some(variant) = variants.get(tag as usize) else {
            return Err(self.reader.unknown_variant(name, tag));
        };
        self.descend(|inner| visitor.visit_enum(Variant { inner, tag, name: variant }))
    }
}

/// A number of values that the type knows.
struct Fields<'r, 'de> {
    inner: Deserializer<'r, 'de>,
    owner: &'static str,
    names: &'static [&'static str],
    next: usize,
    count: usize,
}

impl<'de> Fields<'_, 'de> {
    fn read<V: Visitor<'de>>(
        inner: Deserializer<'_, 'de>,
        count: usize,
        owner: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        // Whether it takes as many is its own affair: the number is not in the message, and the names
        // of a structure are more than its fields if some have an `alias`.
        visitor.visit_seq(&mut Fields { inner, owner, names, next: 0, count })
    }

    fn place(&self) -> Place {
        match self.names.get(self.next) {
            Some(name) => Place::Field { owner: self.owner, name },
            None => Place::Index(self.next),
        }
    }
}

impl<'de> de::SeqAccess<'de> for &mut Fields<'_, 'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        if self.next == self.count {
            return Ok(None);
        }
        let place = self.place();
        self.next += 1;
        let reader = &mut *self.inner.reader;
        let start = reader.position();
        // A field is a part of the place that was paid for, unless it is larger than that.
        let paid = size_of::<T::Value>().min(self.inner.paid);
        let value =
            seed.deserialize(Deserializer { reader, paid }).map_err(|error| error.within(place))?;
        if self.names.is_empty() {
            // The number of these may come from the message.
            self.inner.reader.admit_since(start)?;
        }
        Ok(Some(value))
    }
}

/// Elements, or pairs of keys and values, as many as the message says.
///
/// It gives no hint of their number: what a message says is no reason to make room.
struct Elements<'r, 'de> {
    reader: &'r mut Reader<'de>,
    next: usize,
    count: usize,
    /// For how many elements or keys memory has been charged.
    room: usize,
    /// For how many values.
    value_room: usize,
    /// Where the present element begins.
    start: usize,
}

/// A vector makes room for four elements at first, and then for twice as many.
const SEQUENCE_START: usize = 4;
/// Elements that are larger than this come one by one at first.
const LARGE: usize = 1024;
/// A node of a B-tree has room for eleven entries; a hash table begins with fewer.
const MAP_START: usize = 11;

impl<'r, 'de> Elements<'r, 'de> {
    fn new(reader: &'r mut Reader<'de>, count: usize) -> Self {
        Self { start: reader.position(), reader, next: 0, count, room: 0, value_room: 0 }
    }

    /// Reads an element, key or value that goes into a container; `room` is the room that container
    /// has for such values, `first` how many it has room for at first.
    fn read<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
        room: fn(&mut Self) -> &mut usize,
        first: usize,
    ) -> Result<T::Value, DecodeError> {
        let size = size_of::<T::Value>();
        let before = *room(self);
        if self.next > before {
            let after = before.saturating_mul(2).max(first);
            self.reader.charge((after - before).saturating_mul(size))?;
            *room(self) = after;
        }
        seed.deserialize(Deserializer { reader: self.reader, paid: size })
    }
}

impl<'de> de::SeqAccess<'de> for &mut Elements<'_, 'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        if self.next == self.count {
            return Ok(None);
        }
        self.next += 1;
        self.start = self.reader.position();
        let first = if size_of::<T::Value>() > LARGE { 1 } else { SEQUENCE_START };
        let place = Place::Index(self.next - 1);
        let element = self
            .read(seed, |elements| &mut elements.room, first)
            .map_err(|error| error.within(place))?;
        self.reader.admit_since(self.start)?;
        Ok(Some(element))
    }
}

impl<'de> de::MapAccess<'de> for &mut Elements<'_, 'de> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        if self.next == self.count {
            return Ok(None);
        }
        self.next += 1;
        self.start = self.reader.position();
        let place = Place::Index(self.next - 1);
        self.read(seed, |elements| &mut elements.room, MAP_START)
            .map(Some)
            .map_err(|error| error.within(Place::Key).within(place))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DecodeError> {
        let place = Place::Index(self.next.saturating_sub(1));
        let value = self
            .read(seed, |elements| &mut elements.value_room, MAP_START)
            .map_err(|error| error.within(Place::Value).within(place))?;
        self.reader.admit_since(self.start)?;
        Ok(value)
    }
}

/// One variant, whose tag has been read.
struct Variant<'r, 'de> {
    inner: Deserializer<'r, 'de>,
    tag: u32,
    name: &'static str,
}

impl<'de> de::EnumAccess<'de> for Variant<'_, 'de> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), DecodeError> {
        let tag: de::value::U32Deserializer<DecodeError> = self.tag.into_deserializer();
        Ok((seed.deserialize(tag)?, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_, 'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, DecodeError> {
        let place = Place::Field { owner: self.name, name: "0" };
        seed.deserialize(self.inner).map_err(|error| error.within(place))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        Fields::read(self.inner, count, self.name, &[], visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        Fields::read(self.inner, fields.len(), self.name, fields, visitor)
    }
}

/// Says whether all values were taken.
fn finish(reader: &Reader<'_>, taken: usize, count: usize) -> Result<(), DecodeError> {
    if taken == count {
        return Ok(());
    }
    Err(reader.invalid("its type takes fewer values than are there"))
}
