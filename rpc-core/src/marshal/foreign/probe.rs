//! What a type shows of itself before it has seen a value.
//!
//! A type that is asked to decode itself first says what it wants to read. The probe writes that down
//! and gives an error in place of the value, so that no more can be seen: of a structure the names of
//! its fields, but not what they are.

use core::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Visitor};

use crate::marshal::schema::{Foreign, NodeId};
use crate::marshal::{Marshal, Schema};

/// Types inside of types are followed so far. A recursive type has no end.
const DEPTH: u32 = 8;

pub(super) fn describe<T: Deserialize<'static>>(schema: &mut Schema) {
    // It fails, for there is no value.
    let _ = T::deserialize(Probe { schema, depth: 0 });
}

/// There was no value. It is all that a probed type is ever told.
#[derive(Debug)]
struct NoValue;

impl fmt::Display for NoValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no value")
    }
}

impl core::error::Error for NoValue {}

impl de::Error for NoValue {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// Describes the type that asks it for a value.
struct Probe<'s> {
    schema: &'s mut Schema,
    depth: u32,
}

impl Probe<'_> {
    fn saw<T: Marshal + ?Sized, V>(self) -> Result<V, NoValue> {
        T::describe(self.schema);
        Err(NoValue)
    }

    fn saw_foreign<V>(self, foreign: Foreign) -> Result<V, NoValue> {
        self.schema.foreign(foreign);
        Err(NoValue)
    }

    /// Describes a type inside of this one: what `ask` asks for.
    fn inside<V>(&mut self, ask: impl FnOnce(Probe<'_>) -> Result<V, NoValue>) {
        if self.depth == DEPTH {
            self.schema.foreign(Foreign::Unknown);
        } else {
            // It fails, for there is no value.
            let _ = ask(Probe { schema: self.schema, depth: self.depth + 1 });
        }
    }

    /// As [`inside`](Self::inside), as a part of another type.
    fn part<V>(&mut self, ask: impl FnOnce(Probe<'_>) -> Result<V, NoValue>) -> NodeId {
        let depth = self.depth;
        self.schema.aside(|schema| Probe { schema, depth }.inside(ask))
    }
}

macro_rules! see {
    ($($method:ident: $type:ty;)*) => {$(
        fn $method<V: Visitor<'static>>(self, _: V) -> Result<V::Value, NoValue> {
            self.saw::<$type, _>()
        }
    )*};
}

impl de::Deserializer<'static> for Probe<'_> {
    type Error = NoValue;

    see! {
        deserialize_bool: bool;
        deserialize_i8: i8;
        deserialize_i16: i16;
        deserialize_i32: i32;
        deserialize_i64: i64;
        deserialize_i128: i128;
        deserialize_u8: u8;
        deserialize_u16: u16;
        deserialize_u32: u32;
        deserialize_u64: u64;
        deserialize_u128: u128;
        deserialize_f32: f32;
        deserialize_f64: f64;
        deserialize_char: char;
        deserialize_str: str;
        deserialize_string: str;
        deserialize_identifier: u32;
        deserialize_bytes: [u8];
        deserialize_byte_buf: [u8];
        deserialize_unit: ();
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'static>>(self, _: V) -> Result<V::Value, NoValue> {
        self.saw_foreign(Foreign::Unknown)
    }

    fn deserialize_ignored_any<V: Visitor<'static>>(self, _: V) -> Result<V::Value, NoValue> {
        self.saw_foreign(Foreign::Unknown)
    }

    fn deserialize_unit_struct<V: Visitor<'static>>(
        self,
        _: &'static str,
        _: V,
    ) -> Result<V::Value, NoValue> {
        self.saw::<(), _>()
    }

    fn deserialize_newtype_struct<V: Visitor<'static>>(
        mut self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, NoValue> {
        self.inside(|probe| visitor.visit_newtype_struct(probe));
        Err(NoValue)
    }

    fn deserialize_option<V: Visitor<'static>>(mut self, visitor: V) -> Result<V::Value, NoValue> {
        let value = self.part(|probe| visitor.visit_some(probe));
        self.schema.option_of(value);
        Err(NoValue)
    }

    fn deserialize_seq<V: Visitor<'static>>(mut self, visitor: V) -> Result<V::Value, NoValue> {
        let element = self.part(|probe| visitor.visit_seq(Element(Some(probe))));
        self.schema.array_of(element);
        Err(NoValue)
    }

    fn deserialize_map<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value, NoValue> {
        let Probe { schema, depth } = self;
        let (mut key, mut value) = (None, None);
        let probe = Probe { schema: &mut *schema, depth };
        let _ = visitor.visit_map(Entry { probe, key: &mut key, value: &mut value });
        let [key, value] = [key, value].map(|part| {
            part.unwrap_or_else(|| schema.aside(|schema| schema.foreign(Foreign::Unknown)))
        });
        schema.map_of(key, value);
        Err(NoValue)
    }

    fn deserialize_tuple<V: Visitor<'static>>(
        self,
        count: usize,
        _: V,
    ) -> Result<V::Value, NoValue> {
        self.saw_foreign(Foreign::Tuple(count))
    }

    fn deserialize_tuple_struct<V: Visitor<'static>>(
        self,
        _: &'static str,
        count: usize,
        _: V,
    ) -> Result<V::Value, NoValue> {
        self.saw_foreign(Foreign::Tuple(count))
    }

    fn deserialize_struct<V: Visitor<'static>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, NoValue> {
        self.saw_foreign(Foreign::Structure { name, fields })
    }

    fn deserialize_enum<V: Visitor<'static>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, NoValue> {
        self.saw_foreign(Foreign::Enumeration { name, variants })
    }
}

/// The only element of a sequence, which is not there. Whoever goes on finds the end.
struct Element<'s>(Option<Probe<'s>>);

impl de::SeqAccess<'static> for Element<'_> {
    type Error = NoValue;

    fn next_element_seed<T: DeserializeSeed<'static>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, NoValue> {
        self.0.take().map(|probe| seed.deserialize(probe)).transpose()
    }
}

/// The only entry of a map, which is not there.
struct Entry<'s, 'p> {
    probe: Probe<'s>,
    key: &'p mut Option<NodeId>,
    value: &'p mut Option<NodeId>,
}

impl de::MapAccess<'static> for Entry<'_, '_> {
    type Error = NoValue;

    /// Maps ask for both, and so both can be seen.
    fn next_entry_seed<K: DeserializeSeed<'static>, V: DeserializeSeed<'static>>(
        &mut self,
        key: K,
        value: V,
    ) -> Result<Option<(K::Value, V::Value)>, NoValue> {
        if self.key.is_some() {
            return Ok(None);
        }
        *self.key = Some(self.probe.part(|probe| key.deserialize(probe)));
        *self.value = Some(self.probe.part(|probe| value.deserialize(probe)));
        Err(NoValue)
    }

    fn next_key_seed<K: DeserializeSeed<'static>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, NoValue> {
        if self.key.is_some() {
            return Ok(None);
        }
        *self.key = Some(self.probe.part(|probe| seed.deserialize(probe)));
        Err(NoValue)
    }

    fn next_value_seed<V: DeserializeSeed<'static>>(&mut self, _: V) -> Result<V::Value, NoValue> {
        Err(NoValue)
    }
}
