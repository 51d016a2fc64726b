//! The description for people.

use core::fmt::{self, Write as _};
use std::collections::HashMap;

use super::{Field, Node, NodeId, Scalar, Schema, Variant};

impl Schema {
    /// The method from its opening parenthesis on, or the type, as `(a: i32, at: Point) -> string`.
    /// Each type with a name is spelled out once, on a line of its own. The text is for people:
    /// its form may change, and two texts may differ where the bytes are the same.
    #[must_use]
    pub fn text(&self) -> String {
        let text = Text { schema: self, names: self.names() };
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = text.write(&mut out);
        out
    }

    /// How the types with names are called. The short name, unless two types share it, as two
    /// instances of a generic type do.
    fn names(&self) -> HashMap<NodeId, String> {
        let named = || {
            self.nodes.iter().enumerate().filter_map(|(node, description)| match description {
                Node::Structure { key, name, .. } | Node::Enumeration { key, name, .. } => {
                    Some((node, *key, *name))
                }
                _ => None,
            })
        };
        let mut uses = HashMap::<&str, usize>::new();
        for (_, _, name) in named() {
            *uses.entry(name).or_default() += 1;
        }
        named()
            .map(|(node, key, name)| {
                let name = if uses[name] > 1 { without_modules(key) } else { name.to_owned() };
                (node, name)
            })
            .collect()
    }
}

struct Text<'s> {
    schema: &'s Schema,
    names: HashMap<NodeId, String>,
}

impl Text<'_> {
    fn write(&self, out: &mut String) -> fmt::Result {
        if self.schema.is_method() {
            out.write_char('(')?;
            self.write_named(&self.schema.arguments, out)?;
            out.write_char(')')?;
            if let Some(reply) = self.schema.reply {
                out.write_str(" -> ")?;
                self.write_type(reply, out)?;
            }
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
        (0..self.schema.nodes.len()).try_for_each(|node| self.write_definition(node, out))
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

    fn write_definition(&self, node: NodeId, out: &mut String) -> fmt::Result {
        match &self.schema.nodes[node] {
            Node::Structure { fields, .. } => {
                write!(out, "\nstruct {}", self.names[&node])?;
                self.write_body(fields, out)
            }
            Node::Enumeration { variants, .. } => {
                write!(out, "\nenum {} {{", self.names[&node])?;
                for (position, Variant { index, name, fields }) in variants.iter().enumerate() {
                    out.write_str(if position > 0 { ", " } else { " " })?;
                    write!(out, "{index} = {name}")?;
                    self.write_body(fields, out)?;
                }
                out.write_str(if variants.is_empty() { "}" } else { " }" })
            }
            _ => Ok(()),
        }
    }

    /// ` { name: type }`, `(type)`, or nothing, as the fields were declared.
    fn write_body(&self, fields: &[Field], out: &mut String) -> fmt::Result {
        match fields {
            [] => Ok(()),
            [first, ..] if first.name.starts_with(|start: char| start.is_ascii_digit()) => {
                let types: Vec<_> = fields.iter().map(|field| field.node).collect();
                out.write_char('(')?;
                self.write_types(&types, out)?;
                out.write_char(')')
            }
            _ => {
                out.write_str(" { ")?;
                self.write_named(fields, out)?;
                out.write_str(" }")
            }
        }
    }

    fn write_named(&self, fields: &[Field], out: &mut String) -> fmt::Result {
        for (position, Field { name, node }) in fields.iter().enumerate() {
            if position > 0 {
                out.write_str(", ")?;
            }
            write!(out, "{name}: ")?;
            self.write_type(*node, out)?;
        }
        Ok(())
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

/// `Pair<String>` for `shapes::Pair<alloc::string::String>`.
fn without_modules(path: &str) -> String {
    let mut out = String::new();
    let mut word = 0;
    for character in path.chars() {
        if character == ':' {
            // What has been taken for a word so far was the name of a module.
            out.truncate(word);
            continue;
        }
        out.push(character);
        if !character.is_alphanumeric() && character != '_' {
            word = out.len();
        }
    }
    out
}
