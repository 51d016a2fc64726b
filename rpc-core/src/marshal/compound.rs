//! Tuples, `Option`, `Result`, and pointers, which are not to be seen on the wire.

use core::marker::PhantomData;
use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use super::{
    DecodeError, Marshal, Reader, Run, Schema, Unmarshal, Writer, max_add, max_of, min_add,
};

#[diagnostic::do_not_recommend]
impl Marshal for () {
    const MAX: Option<usize> = Some(0);

    #[inline]
    fn marshal(&self, _: &mut Writer) {}

    fn describe(schema: &mut Schema) {
        schema.tuple(|_| {});
    }
}

#[diagnostic::do_not_recommend]
impl<'a> Unmarshal<'a> for () {
    const MIN: usize = 0;

    #[inline]
    fn unmarshal(_: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized> Marshal for PhantomData<T> {
    const MAX: Option<usize> = Some(0);

    #[inline]
    fn marshal(&self, _: &mut Writer) {}

    fn describe(schema: &mut Schema) {
        schema.tuple(|_| {});
    }
}

#[diagnostic::do_not_recommend]
impl<'a, T: ?Sized> Unmarshal<'a> for PhantomData<T> {
    const MIN: usize = 0;

    #[inline]
    fn unmarshal(_: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self)
    }
}

macro_rules! tuples {
    ($(($($type:ident $index:tt)+))*) => {$(
        impl<$($type: Marshal),+> Marshal for ($($type,)+) {
            const MAX: Option<usize> = {
                let max = Some(0);
                $(let max = max_add(max, $type::MAX);)+
                max
            };

            #[inline]
            fn marshal(&self, out: &mut Writer) {
                $(self.$index.marshal(out);)+
            }

            #[inline]
            fn marshal_owned(self, out: &mut Writer) {
                $(self.$index.marshal_owned(out);)+
            }

            #[inline]
            fn marshal_room(&self) -> usize {
                let room: usize = 0;
                $(let room = room.saturating_add(self.$index.marshal_room());)+
                room
            }

            #[inline]
            fn marshal_owned_room(&self) -> usize {
                let room: usize = 0;
                $(let room = room.saturating_add(self.$index.marshal_owned_room());)+
                room
            }

            fn describe(schema: &mut Schema) {
                schema.tuple(|fields| {
                    $(fields.field::<$type>(stringify!($index));)+
                });
            }
        }

        impl<'a, $($type: Unmarshal<'a>),+> Unmarshal<'a> for ($($type,)+) {
            const MIN: usize = {
                let min = 0;
                $(let min = min_add(min, $type::MIN);)+
                min
            };

            #[inline]
            fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                Ok(($(reader.field::<$type>("", stringify!($index))?,)+))
            }
        }
    )*};
}

tuples! {
    (A 0)
    (A 0 B 1)
    (A 0 B 1 C 2)
    (A 0 B 1 C 2 D 3)
    (A 0 B 1 C 2 D 3 E 4)
    (A 0 B 1 C 2 D 3 E 4 F 5)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10)
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11)
}

impl<T: Marshal> Marshal for Option<T> {
    const MAX: Option<usize> = max_add(Some(4), T::MAX);

    #[inline]
    fn marshal(&self, out: &mut Writer) {
        match self {
            None => out.put_bool(false),
            Some(value) => {
                out.put_bool(true);
                value.marshal(out);
            }
        }
    }

    #[inline]
    fn marshal_owned(self, out: &mut Writer) {
        match self {
            None => out.put_bool(false),
            Some(value) => {
                out.put_bool(true);
                value.marshal_owned(out);
            }
        }
    }

    #[inline]
    fn marshal_room(&self) -> usize {
        self.as_ref().map_or(0, T::marshal_room).saturating_add(4)
    }

    #[inline]
    fn marshal_owned_room(&self) -> usize {
        self.as_ref().map_or(0, T::marshal_owned_room).saturating_add(4)
    }

    fn describe(schema: &mut Schema) {
        schema.option::<T>();
    }
}

impl<'a, T: Unmarshal<'a>> Unmarshal<'a> for Option<T> {
    const MIN: usize = 4;

    #[inline]
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        if reader.read_bool()? { T::unmarshal(reader).map(Some) } else { Ok(None) }
    }
}

/// The tag of [`Ok`].
const OK: u32 = 0;
/// The tag of [`Err`].
const ERR: u32 = 1;

impl<T: Marshal, E: Marshal> Marshal for Result<T, E> {
    const MAX: Option<usize> = max_add(Some(4), max_of(T::MAX, E::MAX));

    #[inline]
    fn marshal(&self, out: &mut Writer) {
        match self {
            Ok(value) => {
                out.put_tag(OK);
                value.marshal(out);
            }
            Err(error) => {
                out.put_tag(ERR);
                error.marshal(out);
            }
        }
    }

    #[inline]
    fn marshal_owned(self, out: &mut Writer) {
        match self {
            Ok(value) => {
                out.put_tag(OK);
                value.marshal_owned(out);
            }
            Err(error) => {
                out.put_tag(ERR);
                error.marshal_owned(out);
            }
        }
    }

    #[inline]
    fn marshal_room(&self) -> usize {
        match self {
            Ok(value) => value.marshal_room(),
            Err(error) => error.marshal_room(),
        }
        .saturating_add(4)
    }

    #[inline]
    fn marshal_owned_room(&self) -> usize {
        match self {
            Ok(value) => value.marshal_owned_room(),
            Err(error) => error.marshal_owned_room(),
        }
        .saturating_add(4)
    }

    fn describe(schema: &mut Schema) {
        schema.result::<T, E>();
    }
}

impl<'a, T: Unmarshal<'a>, E: Unmarshal<'a>> Unmarshal<'a> for Result<T, E> {
    const MIN: usize = 4;

    #[inline]
    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        match reader.read_tag()? {
            OK => reader.field("Result", "Ok").map(Ok),
            ERR => reader.field("Result", "Err").map(Err),
            tag => Err(reader.unknown_variant("Result", tag)),
        }
    }
}

/// `MAX` stays `None` for every pointer: looking through one would make the constant of a
/// recursive type depend on itself, which does not compile.
macro_rules! marshal_pointers {
    ($([$($generics:tt)*] $pointer:ty;)*) => {$(
        impl<$($generics)*> Marshal for $pointer {
            #[inline]
            fn marshal(&self, out: &mut Writer) {
                T::marshal(self, out);
            }

            #[inline]
            fn marshal_room(&self) -> usize {
                T::marshal_room(self)
            }

            fn describe(schema: &mut Schema) {
                T::describe(schema);
            }
        }
    )*};
}

marshal_pointers! {
    [T: Marshal + ?Sized] &T;
    [T: Marshal + ?Sized] Box<T>;
    [T: Marshal + ?Sized] Rc<T>;
    [T: Marshal + ?Sized] Arc<T>;
    [T: Marshal + ToOwned + ?Sized] Cow<'_, T>;
}

impl<'a, T: Unmarshal<'a>> Unmarshal<'a> for Box<T> {
    const MIN: usize = T::MIN;

    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.charge(size_of::<T>())?;
        reader.nested(T::unmarshal).map(Self::new)
    }
}

impl<'a, T: Unmarshal<'a>> Unmarshal<'a> for Rc<T> {
    const MIN: usize = T::MIN;

    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.charge(counted_size::<T>())?;
        reader.nested(T::unmarshal).map(Self::new)
    }
}

impl<'a, T: Unmarshal<'a>> Unmarshal<'a> for Arc<T> {
    const MIN: usize = T::MIN;

    fn unmarshal(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.charge(counted_size::<T>())?;
        reader.nested(T::unmarshal).map(Self::new)
    }
}

/// The memory of a value that has two reference counters in front.
const fn counted_size<T>() -> usize {
    size_of::<(usize, usize, T)>()
}

/// Borrows from the message.
#[diagnostic::do_not_recommend]
impl<'de: 'a, 'a> Unmarshal<'de> for Cow<'a, str> {
    const MIN: usize = 4;

    #[inline]
    fn unmarshal(reader: &mut Reader<'de>) -> Result<Self, DecodeError> {
        reader.read_str().map(Cow::Borrowed)
    }
}

/// Borrows from the message if the elements are bytes.
impl<'de: 'a, 'a, T: Unmarshal<'de> + Clone> Unmarshal<'de> for Cow<'a, [T]> {
    const MIN: usize = 4;

    #[inline]
    fn unmarshal(reader: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let count = reader.read_count()?;
        let run: Run<'a, T> = T::unmarshal_slice(count, reader)?;
        reader.align()?;
        Ok(match run {
            Run::Borrowed(run) => Cow::Borrowed(run),
            Run::Owned(run) => Cow::Owned(run),
        })
    }
}

impl<'de, T: Unmarshal<'de> + Clone> Unmarshal<'de> for Cow<'_, T> {
    const MIN: usize = T::MIN;

    #[inline]
    fn unmarshal(reader: &mut Reader<'de>) -> Result<Self, DecodeError> {
        T::unmarshal(reader).map(Cow::Owned)
    }
}
