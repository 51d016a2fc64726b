//! The description for people.

use core::fmt::{self, Write as _};
use std::collections::HashMap;

#[cfg(feature = "serde")]
use super::Foreign;
use super::{Field, Node, NodeId, Scalar, Schema, Variant};

/// Several methods, as a person reads them.
pub(crate) struct Signatures {
    /// Each method from its opening parenthesis on.
    pub(crate) methods: Vec<String>,
    /// Each type with a name, one field or variant on a line.
    pub(crate) types: Vec<String>,
}

/// What stands around and between the parts of a type with a name.
struct Layout {
    before: &'static str,
    between: &'static str,
    after: &'static str,
}

impl Layout {
    const LINE: Self = Self { before: " { ", between: ", ", after: " }" };
    const BLOCK: Self = Self { before: " {\n    ", between: ",\n    ", after: ",\n}" };
}

impl Schema {
    /// The method from its opening parenthesis on, or the type, as `(a: i32, at: Point) -> string`.
    /// Each type with a name is spelled out once, on a line of its own. The text is for people:
    /// its form may change, and two texts may differ where the bytes are the same.
    #[must_use]
    pub fn text(&self) -> String {
        let text = Text { schema: self, names: self.names() };
        written(|out| text.write(out))
    }

    /// The texts of methods that share their types, so that each type is spelled out only once.
    pub(crate) fn signatures(describe: impl Iterator<Item = fn(&mut Self)>) -> Signatures {
        let mut schema = Self::new();
        let mut take_method = |describe: fn(&mut Self)| {
            describe(&mut schema);
            (core::mem::take(&mut schema.arguments), schema.reply.take())
        };
        let methods: Vec<_> = describe.map(&mut take_method).collect();
        let text = Text { schema: &schema, names: schema.names() };
        let signature = |(arguments, reply): &(Vec<Field>, _)| {
            written(|out| text.write_method(arguments, *reply, out))
        };
        let definition =
            |node: NodeId| written(|out| text.write_definition(node, &Layout::BLOCK, out));
        Signatures {
            methods: methods.iter().map(signature).collect(),
            types: (0..schema.nodes.len())
                .filter(|node| schema.has_name(*node))
                .map(definition)
                .collect(),
        }
    }

    fn has_name(&self, node: NodeId) -> bool {
        matches!(self.nodes[node], Node::Structure { .. } | Node::Enumeration { .. })
    }

    /// How the types with names are called. Where several share a name, as two instances of a generic
    /// type do, they are numbered in the order in which they are met: what else could tell them apart
    /// is a path that the compiler makes up, and may change from release to release.
    fn names(&self) -> HashMap<NodeId, String> {
        let mut sharing = HashMap::<&str, Vec<NodeId>>::new();
        for (node, description) in self.nodes.iter().enumerate() {
            if let Node::Structure { name, .. } | Node::Enumeration { name, .. } = description {
                sharing.entry(name).or_default().push(node);
            }
        }
        let mut names = HashMap::new();
        for (name, nodes) in sharing {
            let is_alone = nodes.len() == 1;
            for (position, node) in nodes.into_iter().enumerate() {
                let name =
                    if is_alone { name.to_owned() } else { format!("{name}#{}", position + 1) };
                names.insert(node, name);
            }
        }
        names
    }
}

struct Text<'s> {
    schema: &'s Schema,
    names: HashMap<NodeId, String>,
}

fn written(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write(&mut out);
    out
}

impl Text<'_> {
    fn write(&self, out: &mut String) -> fmt::Result {
        if self.schema.is_method() {
            self.write_method(&self.schema.arguments, self.schema.reply, out)?;
        } else {
            let mut types = self.schema.described.iter();
            if let Some(node) = types.next() {
                self.write_type(*node, out)?;
            }
            for node in types {
                out.write_str(", ")?;
                self.write_type(*node, out)?;
            }
        }
        for node in (0..self.schema.nodes.len()).filter(|node| self.schema.has_name(*node)) {
            out.write_char('\n')?;
            self.write_definition(node, &Layout::LINE, out)?;
        }
        Ok(())
    }

    fn write_method(
        &self,
        arguments: &[Field],
        reply: Option<NodeId>,
        out: &mut String,
    ) -> fmt::Result {
        out.write_char('(')?;
        self.write_named(arguments, ", ", out)?;
        out.write_char(')')?;
        if let Some(reply) = reply {
            out.write_str(" -> ")?;
            self.write_type(reply, out)?;
        }
        Ok(())
    }

    fn write_type(&self, node: NodeId, out: &mut String) -> fmt::Result {
        match &self.schema.nodes[node] {
            Node::Scalar(scalar) => out.write_str(scalar.name()),
            Node::String => out.write_str("string"),
            Node::Opaque(None) => out.write_str("bytes"),
            Node::Opaque(Some(length)) => write!(out, "bytes[{length}]"),
            Node::Array { length, element } => {
                out.write_char('[')?;
                self.write_type(*element, out)?;
                if let Some(length) = length {
                    write!(out, "; {length}")?;
                }
                out.write_char(']')
            }
            Node::Set(element) => self.write_generic("Set", &[*element], out),
            Node::Map { key, value } => self.write_generic("Map", &[*key, *value], out),
            Node::Option(value) => self.write_generic("Option", &[*value], out),
            Node::Result { ok, err } => self.write_generic("Result", &[*ok, *err], out),
            Node::Tuple(parts) => {
                out.write_char('(')?;
                self.write_types(parts, out)?;
                out.write_str(if parts.len() == 1 { ",)" } else { ")" })
            }
            Node::Structure { .. } | Node::Enumeration { .. } => out.write_str(&self.names[&node]),
            #[cfg(feature = "serde")]
            Node::Foreign(foreign) => write!(out, "serde {foreign}"),
        }
    }

    fn write_generic(&self, name: &str, parts: &[NodeId], out: &mut String) -> fmt::Result {
        write!(out, "{name}<")?;
        self.write_types(parts, out)?;
        out.write_char('>')
    }

    fn write_types(&self, nodes: &[NodeId], out: &mut String) -> fmt::Result {
        for (position, node) in nodes.iter().enumerate() {
            if position > 0 {
                out.write_str(", ")?;
            }
            self.write_type(*node, out)?;
        }
        Ok(())
    }

    fn write_definition(&self, node: NodeId, layout: &Layout, out: &mut String) -> fmt::Result {
        match &self.schema.nodes[node] {
            Node::Structure { fields, .. } => {
                write!(out, "struct {}", self.names[&node])?;
                self.write_body(fields, layout, out)
            }
            Node::Enumeration { variants, .. } => {
                write!(out, "enum {}", self.names[&node])?;
                for (position, Variant { index, name, fields }) in variants.iter().enumerate() {
                    out.write_str(if position > 0 { layout.between } else { layout.before })?;
                    write!(out, "{index} = {name}")?;
                    self.write_body(fields, &Layout::LINE, out)?;
                }
                out.write_str(if variants.is_empty() { " {}" } else { layout.after })
            }
            _ => Ok(()),
        }
    }

    /// The fields with their names, or only their types, or nothing, as they were declared.
    fn write_body(&self, fields: &[Field], layout: &Layout, out: &mut String) -> fmt::Result {
        match fields {
            [] => Ok(()),
            [first, ..] if first.name.starts_with(|start: char| start.is_ascii_digit()) => {
                let types: Vec<_> = fields.iter().map(|field| field.node).collect();
                out.write_char('(')?;
                self.write_types(&types, out)?;
                out.write_char(')')
            }
            _ => {
                out.write_str(layout.before)?;
                self.write_named(fields, layout.between, out)?;
                out.write_str(layout.after)
            }
        }
    }

    fn write_named(&self, fields: &[Field], between: &str, out: &mut String) -> fmt::Result {
        for (position, Field { name, node }) in fields.iter().enumerate() {
            if position > 0 {
                out.write_str(between)?;
            }
            write!(out, "{name}: ")?;
            self.write_type(*node, out)?;
        }
        Ok(())
    }
}

#[cfg(feature = "serde")]
impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tuple(count) => write!(f, "({count} values)"),
            Self::Structure { name, fields } => write!(f, "{name} {{ {} }}", fields.join(", ")),
            Self::Enumeration { name, variants } => {
                write!(f, "{name} {{ {} }}", variants.join(" | "))
            }
            Self::Unknown => f.write_str("?"),
        }
    }
}

impl Scalar {
    fn name(self) -> &'static str {
        match self {
            Self::u8 => "u8",
            Self::i8 => "i8",
            Self::u16 => "u16",
            Self::i16 => "i16",
            Self::u32 => "u32",
            Self::i32 => "i32",
            Self::u64 => "u64",
            Self::i64 => "i64",
            Self::u128 => "u128",
            Self::i128 => "i128",
            Self::usize => "usize",
            Self::isize => "isize",
            Self::f32 => "f32",
            Self::f64 => "f64",
            Self::bool => "bool",
            Self::char => "char",
        }
    }
}
