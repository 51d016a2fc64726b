//! Types of a user's own, with the implementations that the derive would emit.
#![allow(clippy::use_self, reason = "it is written as the derive writes it")]

use farcall_core::marshal::{
    DecodeError, Marshal, Reader, Schema, Unmarshal, Writer, max_add, max_of, min_add,
};

/// Both traits for structures with named fields.
macro_rules! structures {
    ($(struct $name:ident { $($field:ident: $type:ty),* $(,)? })*) => {$(
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $name {
            $(pub(crate) $field: $type),*
        }

        impl Marshal for $name {
            const MAX: Option<usize> = {
                let max = Some(0);
                $(let max = max_add(max, <$type as Marshal>::MAX);)*
                max
            };

            fn marshal(&self, out: &mut Writer) {
                $(self.$field.marshal(out);)*
            }

            fn describe(schema: &mut Schema) {
                schema.structure(core::any::type_name::<Self>(), stringify!($name), |fields| {
                    $(fields.field::<$type>(stringify!($field));)*
                });
            }
        }

        impl<'de> Unmarshal<'de> for $name {
            const MIN: usize = {
                let min = 0;
                $(let min = min_add(min, <$type as Unmarshal<'de>>::MIN);)*
                min
            };

            fn unmarshal(reader: &mut Reader<'de>) -> Result<Self, DecodeError> {
                Ok(Self { $($field: reader.field(stringify!($name), stringify!($field))?),* })
            }
        }
    )*};
}

structures! {
    struct File { filename: String, kind: FileType, owner: String, data: Vec<u8> }
    struct Point { x: i32, y: i32 }
    struct StringEntry { item: String, next: Option<Box<StringEntry>> }
    struct Node { label: i32, children: Vec<Branch> }
    struct Binary { label: u8, children: [Option<Box<Binary>>; 2] }
}

/// `filetype` of RFC 4506, section 7.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum FileType {
    Text,
    Data(String),
    Exec { interpretor: String },
}

impl Marshal for FileType {
    const MAX: Option<usize> = max_add(
        Some(4),
        max_of(Some(0), max_of(<String as Marshal>::MAX, <String as Marshal>::MAX)),
    );

    fn marshal(&self, out: &mut Writer) {
        match self {
            Self::Text => out.put_tag(0),
            Self::Data(creator) => {
                out.put_tag(1);
                creator.marshal(out);
            }
            Self::Exec { interpretor } => {
                out.put_tag(2);
                interpretor.marshal(out);
            }
        }
    }

    fn describe(schema: &mut Schema) {
        schema.enumeration(core::any::type_name::<Self>(), "FileType", |variants| {
            variants.variant(0, "Text", |_| {});
            variants.variant(1, "Data", |fields| fields.field::<String>("0"));
            variants.variant(2, "Exec", |fields| fields.field::<String>("interpretor"));
        });
    }
}

impl<'de> Unmarshal<'de> for FileType {
    const MIN: usize = 4;

    fn unmarshal(reader: &mut Reader<'de>) -> Result<Self, DecodeError> {
        match reader.read_tag()? {
            0 => Ok(Self::Text),
            1 => Ok(Self::Data(reader.field("FileType::Data", "0")?)),
            2 => Ok(Self::Exec { interpretor: reader.field("FileType::Exec", "interpretor")? }),
            tag => Err(reader.unknown_variant("FileType", tag)),
        }
    }
}

/// Recursive through a box and through a vector.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Tree {
    Leaf,
    Node(Box<Tree>, Vec<Tree>),
}

impl Marshal for Tree {
    const MAX: Option<usize> = max_add(
        Some(4),
        max_of(Some(0), max_add(<Box<Tree> as Marshal>::MAX, <Vec<Tree> as Marshal>::MAX)),
    );

    fn marshal(&self, out: &mut Writer) {
        match self {
            Self::Leaf => out.put_tag(0),
            Self::Node(first, rest) => {
                out.put_tag(1);
                first.marshal(out);
                rest.marshal(out);
            }
        }
    }

    fn describe(schema: &mut Schema) {
        schema.enumeration(core::any::type_name::<Self>(), "Tree", |variants| {
            variants.variant(0, "Leaf", |_| {});
            variants.variant(1, "Node", |fields| {
                fields.field::<Box<Tree>>("0");
                fields.field::<Vec<Tree>>("1");
            });
        });
    }
}

impl<'de> Unmarshal<'de> for Tree {
    const MIN: usize = 4;

    fn unmarshal(reader: &mut Reader<'de>) -> Result<Self, DecodeError> {
        match reader.read_tag()? {
            0 => Ok(Self::Leaf),
            1 => Ok(Self::Node(reader.field("Tree::Node", "0")?, reader.field("Tree::Node", "1")?)),
            tag => Err(reader.unknown_variant("Tree", tag)),
        }
    }
}

/// Recursive through another type: `tree` of the vectors.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Branch {
    Leaf,
    Node(Node),
}

impl Marshal for Branch {
    const MAX: Option<usize> = max_add(Some(4), max_of(Some(0), <Node as Marshal>::MAX));

    fn marshal(&self, out: &mut Writer) {
        match self {
            Self::Leaf => out.put_tag(0),
            Self::Node(node) => {
                out.put_tag(1);
                node.marshal(out);
            }
        }
    }

    fn describe(schema: &mut Schema) {
        schema.enumeration(core::any::type_name::<Self>(), "Branch", |variants| {
            variants.variant(0, "Leaf", |_| {});
            variants.variant(1, "Node", |fields| fields.field::<Node>("0"));
        });
    }
}

impl<'de> Unmarshal<'de> for Branch {
    const MIN: usize = 4;

    fn unmarshal(reader: &mut Reader<'de>) -> Result<Self, DecodeError> {
        match reader.read_tag()? {
            0 => Ok(Self::Leaf),
            1 => Ok(Self::Node(reader.field("Branch::Node", "0")?)),
            tag => Err(reader.unknown_variant("Branch", tag)),
        }
    }
}

/// A type with a lifetime and a parameter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Line<'a, T> {
    pub(crate) name: &'a str,
    pub(crate) points: Vec<T>,
}

impl<'a, T: Marshal> Marshal for Line<'a, T> {
    const MAX: Option<usize> = max_add(<&'a str as Marshal>::MAX, <Vec<T> as Marshal>::MAX);

    fn marshal(&self, out: &mut Writer) {
        self.name.marshal(out);
        self.points.marshal(out);
    }

    fn describe(schema: &mut Schema) {
        schema.structure(core::any::type_name::<Self>(), "Line", |fields| {
            fields.field::<&'a str>("name");
            fields.field::<Vec<T>>("points");
        });
    }
}

impl<'de: 'a, 'a, T: Unmarshal<'de>> Unmarshal<'de> for Line<'a, T> {
    const MIN: usize = min_add(<&'a str as Unmarshal<'de>>::MIN, <Vec<T> as Unmarshal<'de>>::MIN);

    fn unmarshal(reader: &mut Reader<'de>) -> Result<Self, DecodeError> {
        Ok(Self { name: reader.field("Line", "name")?, points: reader.field("Line", "points")? })
    }
}

/// The bytes of a value.
pub(crate) fn encode<T: Marshal + ?Sized>(value: &T) -> Vec<u8> {
    let mut out = Writer::new();
    value.marshal(&mut out);
    out.as_slice().to_vec()
}

/// The value that is all of `bytes`.
pub(crate) fn decode<'a, T: Unmarshal<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    let mut reader = Reader::new(bytes);
    let value = T::unmarshal(&mut reader)?;
    reader.finish()?;
    Ok(value)
}
