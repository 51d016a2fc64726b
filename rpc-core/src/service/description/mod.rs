//! An interface as plain values: for people, for files, and for comparing what was with what is.

mod changes;
mod text;

pub use changes::Incompatibility;
pub use text::DescriptionError;

use core::time::Duration;

use super::{Interface, method_id};
use crate::marshal::Schema;

/// An interface: its name, its methods with everything that client and server must agree on, and the
/// types that its methods use.
///
/// It displays as text that a person can read. It depends on the interface alone: not on the compiler,
/// the platform or the features that farcall is built with. [`to_file`](Self::to_file) is the same
/// text with what a program needs to read it again, as `parse` does.
///
/// ```
/// # use farcall_core::service::{Description, Interface, Method, method_id};
/// static ADD: Method = Method::new("add", method_id("add"), |schema| {
///     schema.argument::<i32>("a");
///     schema.argument::<i32>("b");
///     schema.reply::<i32>();
/// });
/// static CALCULATOR: Interface = Interface::new("Calculator", &[&ADD]);
///
/// let description = Description::of(&CALCULATOR);
/// assert_eq!(
///     description.to_string(),
///     "interface Calculator\n    id 0x57219b6d\n\n\
///      method add(a: i32, b: i32) -> i32\n    id 0x3b391274, signature 0x257cea98\n"
/// );
/// let read: Description = description.to_file().parse()?;
/// assert_eq!(read, description);
/// # Ok::<(), farcall_core::service::DescriptionError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    name: String,
    id: u32,
    methods: Vec<MethodDescription>,
    types: Vec<TypeDescription>,
}

/// One method of a [`Description`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodDescription {
    name: String,
    id: u32,
    signature: u32,
    /// Arguments and result, from the opening parenthesis on.
    shape: String,
    options: Options,
}

/// What `#[rpc(..)]` says of a method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Options {
    is_idempotent: bool,
    is_oneway: bool,
    deadline: Option<Duration>,
}

/// A type with a name, as it is spelled out once.
#[derive(Clone, Debug, PartialEq, Eq)]
struct TypeDescription {
    /// From `struct` or `enum` on, one field or variant on a line.
    text: String,
}

impl Description {
    /// Describes an interface.
    pub fn of(interface: &Interface) -> Self {
        let methods = interface.methods();
        let texts = Schema::signatures(methods.iter().map(|method| method.describe));
        // A name is anything that a user may put between quotes, and has one line here.
        let name = interface.name().escape_debug().to_string();
        let described = methods.iter().zip(texts.methods);
        Self {
            name,
            id: interface.id(),
            methods: described
                .map(|(method, shape)| MethodDescription {
                    name: method.name().to_owned(),
                    id: method.id(),
                    signature: method.signature().hash,
                    shape,
                    options: Options {
                        is_idempotent: method.is_idempotent(),
                        is_oneway: method.is_oneway(),
                        deadline: method.own_deadline(),
                    },
                })
                .collect(),
            types: texts.types.into_iter().map(|text| TypeDescription { text }).collect(),
        }
    }

    /// The name that the interface is served under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id that stands for the name on the wire.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The methods, in the order of the trait.
    pub fn methods(&self) -> &[MethodDescription] {
        &self.methods
    }

    /// A method's signature and the types that it needs, as the reader of a report wants to see it.
    fn spelled_out(&self, method: &MethodDescription) -> String {
        let mut text = format!("{}{}", method.name, method.shape);
        let mut is_needed = vec![false; self.types.len()];
        // What a type needs is found in what was written of it.
        let mut unread = vec![method.shape.as_str()];
        while let Some(part) = unread.pop() {
            for word in words(part) {
                let found = self.types.iter().position(|described| described.name() == word);
                if let Some(position) = found.filter(|position| !is_needed[*position]) {
                    is_needed[position] = true;
                    unread.push(&self.types[position].text);
                }
            }
        }
        for (described, _) in self.types.iter().zip(is_needed).filter(|(_, is_needed)| *is_needed) {
            text.push('\n');
            text.push_str(&described.text);
        }
        text
    }
}

impl MethodDescription {
    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id that stands for the method on the wire.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The hash of its signature, which travels with every request.
    pub fn signature(&self) -> u32 {
        self.signature
    }

    /// Whether it may be repeated at any later time.
    pub fn is_idempotent(&self) -> bool {
        self.options.is_idempotent
    }

    /// Whether nobody waits for a reply.
    pub fn is_oneway(&self) -> bool {
        self.options.is_oneway
    }

    /// Its own deadline, if it has one.
    pub fn deadline(&self) -> Option<Duration> {
        self.options.deadline
    }

    /// Whether it has another id than its name would give it.
    fn has_pinned_id(&self) -> bool {
        self.id != method_id(&self.name)
    }
}

impl TypeDescription {
    fn name(&self) -> &str {
        words(&self.text).nth(1).unwrap_or_default()
    }
}

/// The names in a text, keywords and built-in types included.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| {
        !character.is_alphanumeric() && character != '_' && character != '#'
    })
    .filter(|word| !word.is_empty())
}
