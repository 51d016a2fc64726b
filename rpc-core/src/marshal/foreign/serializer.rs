//! Values of serde's data model into bytes.

use core::fmt::{self, Write as _};

use serde::ser::{self, Serialize};

use crate::marshal::{EncodeError, Marshal, Writer};

impl ser::Error for EncodeError {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::new(reason)
    }
}

/// Writes one value.
pub(super) struct Serializer<'w> {
    out: &'w mut Writer,
}

impl<'w> Serializer<'w> {
    pub(super) fn new(out: &'w mut Writer) -> Self {
        Self { out }
    }

    fn write<T: Marshal + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        value.marshal(self.out);
        Ok(())
    }

    fn fields(self, count: usize) -> Fields<'w> {
        Fields { out: self.out, expected: count, written: 0 }
    }

    /// The count is written at the end: types need not know it, and may be wrong.
    fn elements(self) -> Elements<'w> {
        let count_at = self.out.own_len();
        self.out.put_count(0);
        Elements { out: self.out, count_at, written: 0 }
    }
}

macro_rules! write_scalars {
    ($($method:ident: $type:ty;)*) => {$(
        fn $method(self, value: $type) -> Result<(), EncodeError> {
            self.write(&value)
        }
    )*};
}

impl<'w> ser::Serializer for Serializer<'w> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Elements<'w>;
    type SerializeTuple = Fields<'w>;
    type SerializeTupleStruct = Fields<'w>;
    type SerializeTupleVariant = Fields<'w>;
    type SerializeMap = Elements<'w>;
    type SerializeStruct = Fields<'w>;
    type SerializeStructVariant = Fields<'w>;

    write_scalars! {
        serialize_bool: bool;
        serialize_i8: i8;
        serialize_i16: i16;
        serialize_i32: i32;
        serialize_i64: i64;
        serialize_i128: i128;
        serialize_u8: u8;
        serialize_u16: u16;
        serialize_u32: u32;
        serialize_u64: u64;
        serialize_u128: u128;
        serialize_f32: f32;
        serialize_f64: f64;
        serialize_char: char;
        serialize_str: &str;
        serialize_bytes: &[u8];
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    /// As the default does it, save that a `Display` which fails is an error and not a panic.
    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        let mut text = String::new();
        write!(text, "{value}").map_err(|_| EncodeError::new("its text cannot be written"))?;
        self.write(&text)
    }

    fn serialize_none(self) -> Result<(), EncodeError> {
        self.write(&false)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        self.out.put_bool(true);
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), EncodeError> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodeError> {
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Elements<'w>, EncodeError> {
        Ok(self.elements())
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Elements<'w>, EncodeError> {
        Ok(self.elements())
    }

    fn serialize_tuple(self, count: usize) -> Result<Fields<'w>, EncodeError> {
        Ok(self.fields(count))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        count: usize,
    ) -> Result<Fields<'w>, EncodeError> {
        Ok(self.fields(count))
    }

    fn serialize_struct(self, _: &'static str, count: usize) -> Result<Fields<'w>, EncodeError> {
        Ok(self.fields(count))
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
    ) -> Result<(), EncodeError> {
        self.out.put_tag(index);
        Ok(())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.out.put_tag(index);
        value.serialize(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        count: usize,
    ) -> Result<Fields<'w>, EncodeError> {
        self.out.put_tag(index);
        Ok(self.fields(count))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        index: u32,
        _: &'static str,
        count: usize,
    ) -> Result<Fields<'w>, EncodeError> {
        self.out.put_tag(index);
        Ok(self.fields(count))
    }
}

/// Writes as many values as were announced, one after the other.
pub(super) struct Fields<'w> {
    out: &'w mut Writer,
    expected: usize,
    written: usize,
}

impl Fields<'_> {
    fn field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.written += 1;
        value.serialize(Serializer::new(self.out))
    }

    /// A receiver that knows fields by their positions would take the next one for this.
    fn skipped(name: &'static str) -> EncodeError {
        EncodeError::new(format_args!(
            "the field `{name}` is left out, which XDR cannot say; remove `skip_serializing_if`"
        ))
    }

    fn finish(self) -> Result<(), EncodeError> {
        if self.written == self.expected {
            return Ok(());
        }
        Err(EncodeError::new(format_args!(
            "it announced {} fields and has {}",
            self.expected, self.written
        )))
    }
}

/// Writes any number of elements, or of keys and values.
pub(super) struct Elements<'w> {
    out: &'w mut Writer,
    count_at: usize,
    written: usize,
}

impl Elements<'_> {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.written += 1;
        value.serialize(Serializer::new(self.out))
    }

    fn finish(self) -> Result<(), EncodeError> {
        self.out.set_count(self.count_at, self.written);
        Ok(())
    }
}

macro_rules! write_parts {
    ($($trait:ident: $method:ident;)*) => {$(
        impl ser::$trait for Fields<'_> {
            type Ok = ();
            type Error = EncodeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
                self.field(value)
            }

            fn end(self) -> Result<(), EncodeError> {
                self.finish()
            }
        }
    )*};
}

write_parts! {
    SerializeTuple: serialize_element;
    SerializeTupleStruct: serialize_field;
    SerializeTupleVariant: serialize_field;
}

macro_rules! write_named_parts {
    ($($trait:ident)*) => {$(
        impl ser::$trait for Fields<'_> {
            type Ok = ();
            type Error = EncodeError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                _: &'static str,
                value: &T,
            ) -> Result<(), EncodeError> {
                self.field(value)
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), EncodeError> {
                Err(Self::skipped(name))
            }

            fn end(self) -> Result<(), EncodeError> {
                self.finish()
            }
        }
    )*};
}

write_named_parts! { SerializeStruct SerializeStructVariant }

impl ser::SerializeSeq for Elements<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.element(value)
    }

    fn end(self) -> Result<(), EncodeError> {
        self.finish()
    }
}

impl ser::SerializeMap for Elements<'_> {
    type Ok = ();
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.element(key)
    }

    /// The count is that of the keys.
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        value.serialize(Serializer::new(self.out))
    }

    fn end(self) -> Result<(), EncodeError> {
        self.finish()
    }
}
