//! The signature: a hash of the shape on the wire.
//!
//! Two descriptions have the same hash if the same bytes mean the same values. Names do not count,
//! nor do pointers, nor how fields are grouped: a structure is its fields one after the other.
//!
//! A recursive shape is an infinite tree, which can be drawn as a finite graph in many ways. So that
//! the drawing does not count, the hash is that of the tree cut off [`DEPTH`] nodes below the top:
//! in each round every node takes in the hashes that its parts had after the round before.
//!
//! The algorithm is a part of the protocol. A change makes all clients and servers of different
//! versions refuse each other; the golden test is there to prevent one by mistake.

#[cfg(feature = "serde")]
use super::Foreign;
use super::{Node, NodeId, Scalar, Schema};

/// How deep two shapes are compared. Values that are nested deeper cannot be decoded anyhow.
const DEPTH: usize = 64;

/// What a hash begins with, so that shapes of different kinds differ.
#[derive(Clone, Copy)]
enum Kind {
    Scalar = 1,
    String = 2,
    FixedOpaque = 3,
    CountedOpaque = 4,
    FixedArray = 5,
    CountedArray = 6,
    Union = 7,
    Sequence = 8,
    Method = 9,
    OneWayMethod = 10,
    #[cfg(feature = "serde")]
    Foreign = 11,
}

impl Schema {
    /// The signature of the method, or of the type, as 32 bits. It depends on nothing but what the
    /// bytes mean, and is the same on every platform and in every release.
    #[must_use]
    pub fn hash(&self) -> u32 {
        let mut round = Round { schema: self, hashes: vec![0; self.nodes.len()] };
        for _ in 0..DEPTH {
            let hashes = (0..self.nodes.len()).map(|node| round.node(node)).collect();
            round.hashes = hashes;
        }
        let hash = if self.is_method() { round.method() } else { round.sequence(&self.described) };
        // Both halves count.
        (hash ^ (hash >> 32)) as u32
    }

    pub(super) fn is_method(&self) -> bool {
        self.described.is_empty() || self.reply.is_some() || !self.arguments.is_empty()
    }
}

/// The hashes of all nodes, as deep as the rounds that have passed.
struct Round<'s> {
    schema: &'s Schema,
    hashes: Vec<u64>,
}

impl Round<'_> {
    fn method(&self) -> u64 {
        let arguments: Vec<_> = self.schema.arguments.iter().map(|field| field.node).collect();
        match self.schema.reply {
            Some(reply) => {
                Fnv::new(Kind::Method)
                    .with(self.sequence(&arguments))
                    .with(self.sequence(&[reply]))
                    .0
            }
            None => Fnv::new(Kind::OneWayMethod).with(self.sequence(&arguments)).0,
        }
    }

    fn node(&self, node: NodeId) -> u64 {
        match &self.schema.nodes[node] {
            Node::Scalar(scalar) => Fnv::new(Kind::Scalar).with(scalar.code()).0,
            Node::String => Fnv::new(Kind::String).0,
            Node::Opaque(Some(length)) => Fnv::new(Kind::FixedOpaque).with(*length as u64).0,
            Node::Opaque(None) => Fnv::new(Kind::CountedOpaque).0,
            Node::Array { length: Some(length), element } => {
                Fnv::new(Kind::FixedArray).with(*length as u64).with(self.sequence(&[*element])).0
            }
            Node::Array { length: None, element } | Node::Set(element) => self.array(&[*element]),
            Node::Map { key, value } => self.array(&[*key, *value]),
            Node::Option(value) => self.union(vec![(0, vec![]), (1, vec![*value])]),
            Node::Result { ok, err } => self.union(vec![(0, vec![*ok]), (1, vec![*err])]),
            Node::Enumeration { variants, .. } => self.union(
                variants
                    .iter()
                    .map(|variant| {
                        (variant.index, variant.fields.iter().map(|field| field.node).collect())
                    })
                    .collect(),
            ),
            #[cfg(feature = "serde")]
            Node::Foreign(foreign) => foreign.hash(),
            // Taken apart by `sequence`, and never asked for its own hash.
            Node::Tuple(_) | Node::Structure { .. } => 0,
        }
    }

    fn array(&self, element: &[NodeId]) -> u64 {
        Fnv::new(Kind::CountedArray).with(self.sequence(element)).0
    }

    fn union(&self, mut variants: Vec<(u32, Vec<NodeId>)>) -> u64 {
        variants.sort_by_key(|(index, _)| *index);
        let mut hash = Fnv::new(Kind::Union).with(variants.len() as u64);
        for (index, fields) in variants {
            hash = hash.with(u64::from(index)).with(self.sequence(&fields));
        }
        hash.0
    }

    fn sequence(&self, nodes: &[NodeId]) -> u64 {
        let mut parts = Vec::new();
        for node in nodes {
            self.flatten(*node, &mut Vec::new(), &mut parts);
        }
        let hash = Fnv::new(Kind::Sequence).with(parts.len() as u64);
        parts.into_iter().fold(hash, |hash, part| hash.with(self.hashes[part])).0
    }

    /// Takes structures and tuples apart, down to what is neither.
    fn flatten(&self, node: NodeId, around: &mut Vec<NodeId>, parts: &mut Vec<NodeId>) {
        let fields: Vec<NodeId> = match &self.schema.nodes[node] {
            Node::Tuple(fields) => fields.clone(),
            Node::Structure { fields, .. } => fields.iter().map(|field| field.node).collect(),
            _ => return parts.push(node),
        };
        // A structure that contains itself, with no choice in between, has no finite value. It can
        // be written down, as `struct Endless(Box<Endless>)`, and must not hang us.
        if around.contains(&node) {
            return;
        }
        around.push(node);
        for field in fields {
            self.flatten(field, around, parts);
        }
        around.pop();
    }
}

#[cfg(feature = "serde")]
impl Foreign {
    /// The names of fields and variants stand for what they are, which is not to be seen.
    fn hash(self) -> u64 {
        let hash = Fnv::new(Kind::Foreign);
        let names = |hash: Fnv, names: &[&str]| {
            names.iter().fold(hash.with(names.len() as u64), |hash, name| {
                let hash = hash.with(name.len() as u64);
                name.bytes().fold(hash, |hash, byte| hash.with(u64::from(byte)))
            })
        };
        match self {
            Self::Tuple(count) => hash.with(1).with(count as u64).0,
            Self::Structure { fields, .. } => names(hash.with(2), fields).0,
            Self::Enumeration { variants, .. } => names(hash.with(3), variants).0,
            Self::Unknown => hash.with(4).0,
        }
    }
}

impl Scalar {
    /// The number that enters the hash. Never to be changed.
    fn code(self) -> u64 {
        match self {
            Self::u8 => 1,
            Self::i8 => 2,
            Self::u16 => 3,
            Self::i16 => 4,
            Self::u32 => 5,
            Self::i32 => 6,
            Self::u64 | Self::usize => 7,
            Self::i64 | Self::isize => 8,
            Self::u128 => 9,
            Self::i128 => 10,
            Self::f32 => 11,
            Self::f64 => 12,
            Self::bool => 13,
            Self::char => 14,
        }
    }
}

/// FNV-1a with 64 bits, over numbers as eight big-endian bytes.
struct Fnv(u64);

impl Fnv {
    fn new(kind: Kind) -> Self {
        Self(0xcbf2_9ce4_8422_2325).with(kind as u64)
    }

    fn with(self, number: u64) -> Self {
        Self(number.to_be_bytes().into_iter().fold(self.0, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        }))
    }
}
