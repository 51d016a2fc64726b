//! What values look like on the wire, for machines and for people.
//!
//! A [`Schema`] is built at run time, by following types through [`Marshal::describe`]. It cannot be
//! a constant: a hash has to see through `Vec` and `Box`, and for a recursive type such a constant
//! depends on itself. It is not made from the source text either, which does not see that an alias
//! changed or that a type of the same name got another field.

mod hash;
mod text;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use super::Marshal;

/// The description of one method, or of one type.
///
/// ```
/// use farcall_core::marshal::Schema;
///
/// let mut schema = Schema::new();
/// schema.argument::<i32>("a");
/// schema.argument::<Vec<String>>("names");
/// schema.reply::<Option<u64>>();
/// assert_eq!(schema.text(), "(a: i32, names: [string]) -> Option<u64>");
///
/// // The hash is about bytes, not about names.
/// let mut renamed = Schema::new();
/// renamed.argument::<&i32>("first");
/// renamed.argument::<&[&str]>("others");
/// renamed.reply::<Option<u64>>();
/// assert_eq!(schema.hash(), renamed.hash());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Schema {
    nodes: Vec<Node>,
    /// Where a type with a name of its own is in `nodes`, by its whole name. A type that is met
    /// again, also inside itself, is not described again.
    named: HashMap<&'static str, NodeId>,
    /// What has been described since the innermost list was begun.
    described: Vec<NodeId>,
    arguments: Vec<Field>,
    reply: Option<NodeId>,
}

/// A position in [`Schema::nodes`].
pub(super) type NodeId = usize;

#[derive(Clone, Debug)]
struct Field {
    name: &'static str,
    node: NodeId,
}

#[derive(Clone, Debug)]
struct Variant {
    index: u32,
    name: &'static str,
    fields: Vec<Field>,
}

/// A type, as far as the wire and the reader of a description can tell it from others.
#[derive(Clone, Debug)]
enum Node {
    Scalar(Scalar),
    String,
    Opaque(Option<usize>),
    Array {
        length: Option<usize>,
        element: NodeId,
    },
    Set(NodeId),
    Map {
        key: NodeId,
        value: NodeId,
    },
    Option(NodeId),
    Result {
        ok: NodeId,
        err: NodeId,
    },
    Tuple(Vec<NodeId>),
    Structure {
        name: &'static str,
        fields: Vec<Field>,
    },
    Enumeration {
        name: &'static str,
        variants: Vec<Variant>,
    },
    #[cfg(feature = "serde")]
    Foreign(Foreign),
}

/// What is seen from outside of a type of another crate.
#[cfg(feature = "serde")]
#[derive(Clone, Copy, Debug)]
pub(super) enum Foreign {
    /// So many values, one after the other.
    Tuple(usize),
    /// These fields, one after the other.
    Structure { name: &'static str, fields: &'static [&'static str] },
    /// A tag, and then the fields of one of these variants.
    Enumeration { name: &'static str, variants: &'static [&'static str] },
    /// Nothing.
    Unknown,
}

/// The scalar types, by the names of their Rust types. The numbers enter the hash: they stay what
/// they are. `usize` and `isize` are hypers, and the hash does not tell them from `u64` and `i64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "macros name them after the types")]
pub(super) enum Scalar {
    u8,
    i8,
    u16,
    i16,
    u32,
    i32,
    u64,
    i64,
    u128,
    i128,
    usize,
    isize,
    f32,
    f64,
    bool,
    char,
}

impl Schema {
    /// The description of a method without arguments.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The description of `T` alone.
    #[must_use]
    pub fn of<T: Marshal + ?Sized>() -> Self {
        let mut schema = Self::new();
        T::describe(&mut schema);
        schema
    }

    /// Adds an argument to the method.
    pub fn argument<T: Marshal + ?Sized>(&mut self, name: &'static str) {
        let node = self.node_of::<T>();
        self.arguments.push(Field { name, node });
    }

    /// Says what the method replies. A method that never replies has no such call, which is
    /// something else than a reply of type `()`.
    pub fn reply<T: Marshal + ?Sized>(&mut self) {
        self.reply = Some(self.node_of::<T>());
    }

    /// Describes a structure: its fields in the order in which they are encoded.
    ///
    /// `key` is `core::any::type_name::<Self>()`. A tuple structure names its fields `0`, `1`, ..
    pub fn structure(
        &mut self,
        key: &'static str,
        name: &'static str,
        fields: impl FnOnce(&mut Fields<'_>),
    ) {
        self.once(key, |schema| Node::Structure { name, fields: schema.fields(fields) });
    }

    /// Describes a discriminated union: its tags, and what follows each.
    ///
    /// `key` is `core::any::type_name::<Self>()`.
    pub fn enumeration(
        &mut self,
        key: &'static str,
        name: &'static str,
        variants: impl FnOnce(&mut Variants<'_>),
    ) {
        self.once(key, |schema| {
            let mut list = Variants { schema, variants: Vec::new() };
            variants(&mut list);
            Node::Enumeration { name, variants: list.variants }
        });
    }

    pub(super) fn scalar(&mut self, scalar: Scalar) {
        self.add(Node::Scalar(scalar));
    }

    pub(super) fn string(&mut self) {
        self.add(Node::String);
    }

    pub(super) fn opaque(&mut self, length: Option<usize>) {
        self.add(Node::Opaque(length));
    }

    pub(super) fn array<T: Marshal + ?Sized>(&mut self, length: Option<usize>) {
        let element = self.node_of::<T>();
        self.add(Node::Array { length, element });
    }

    pub(super) fn set<T: Marshal>(&mut self) {
        let element = self.node_of::<T>();
        self.add(Node::Set(element));
    }

    pub(super) fn map<K: Marshal, V: Marshal>(&mut self) {
        let key = self.node_of::<K>();
        let value = self.node_of::<V>();
        self.add(Node::Map { key, value });
    }

    pub(super) fn option<T: Marshal>(&mut self) {
        let value = self.node_of::<T>();
        self.add(Node::Option(value));
    }

    pub(super) fn result<T: Marshal, E: Marshal>(&mut self) {
        let ok = self.node_of::<T>();
        let err = self.node_of::<E>();
        self.add(Node::Result { ok, err });
    }

    pub(super) fn tuple(&mut self, fields: impl FnOnce(&mut Fields<'_>)) {
        let parts = self.fields(fields).into_iter().map(|field| field.node).collect();
        self.add(Node::Tuple(parts));
    }

    #[cfg(feature = "serde")]
    pub(super) fn foreign(&mut self, foreign: Foreign) {
        self.add(Node::Foreign(foreign));
    }

    #[cfg(feature = "serde")]
    pub(super) fn option_of(&mut self, value: NodeId) {
        self.add(Node::Option(value));
    }

    #[cfg(feature = "serde")]
    pub(super) fn array_of(&mut self, element: NodeId) {
        self.add(Node::Array { length: None, element });
    }

    #[cfg(feature = "serde")]
    pub(super) fn map_of(&mut self, key: NodeId, value: NodeId) {
        self.add(Node::Map { key, value });
    }

    fn add(&mut self, node: Node) {
        self.described.push(self.nodes.len());
        self.nodes.push(node);
    }

    /// Adds a type with a name, or refers to it if it is there.
    fn once(&mut self, key: &'static str, describe: impl FnOnce(&mut Self) -> Node) {
        let node = if let Some(node) = self.named.get(key) {
            *node
        } else {
            // The place is taken before the parts are described, for they may refer to it.
            let node = self.nodes.len();
            self.nodes.push(Node::Tuple(Vec::new()));
            self.named.insert(key, node);
            self.nodes[node] = describe(self);
            node
        };
        self.described.push(node);
    }

    fn fields(&mut self, fields: impl FnOnce(&mut Fields<'_>)) -> Vec<Field> {
        let mut list = Fields { schema: self, fields: Vec::new() };
        fields(&mut list);
        list.fields
    }

    /// Describes `T` aside from what is being described.
    fn node_of<T: Marshal + ?Sized>(&mut self) -> NodeId {
        self.aside(T::describe)
    }

    /// Describes a part aside from what is being described.
    pub(super) fn aside(&mut self, describe: impl FnOnce(&mut Self)) -> NodeId {
        let around = core::mem::take(&mut self.described);
        describe(self);
        let described = core::mem::replace(&mut self.described, around);
        if let [node] = described[..] {
            return node;
        }
        // By hand, a type may be described as one part after the other.
        self.nodes.push(Node::Tuple(described));
        self.nodes.len() - 1
    }
}

/// The fields of a structure or of a variant, in the order in which they are encoded.
#[derive(Debug)]
pub struct Fields<'s> {
    schema: &'s mut Schema,
    fields: Vec<Field>,
}

impl Fields<'_> {
    /// Adds a field.
    pub fn field<T: Marshal + ?Sized>(&mut self, name: &'static str) {
        let node = self.schema.node_of::<T>();
        self.fields.push(Field { name, node });
    }
}

/// The variants of a union.
#[derive(Debug)]
pub struct Variants<'s> {
    schema: &'s mut Schema,
    variants: Vec<Variant>,
}

impl Variants<'_> {
    /// Adds the variant with the tag `index`.
    pub fn variant(
        &mut self,
        index: u32,
        name: &'static str,
        fields: impl FnOnce(&mut Fields<'_>),
    ) {
        let fields = self.schema.fields(fields);
        self.variants.push(Variant { index, name, fields });
    }
}
