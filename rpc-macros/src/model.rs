//! An interface as the later stages see it: facts, with the tokens to point at when one is wrong.
//!
//! Nothing here judges. `parse` fills the model from whatever the user wrote, `check` applies the
//! rules to it, and `codegen` writes code for the parts that are `sound` without looking at syntax
//! again.

use std::time::Duration;

use proc_macro2::{Ident, TokenStream};
use syn::{Attribute, Generics, Lifetime, Path, Type, Visibility};

/// One trait.
pub(crate) struct Interface {
    /// The path of the facade crate, `::farcall` unless the user gave another.
    pub(crate) root: Path,
    /// The name the other end knows it by.
    pub(crate) name: String,
    /// The trait's own name.
    pub(crate) ident: Ident,
    /// The visibility of the trait, of the stubs and of their methods.
    pub(crate) visibility: Visibility,
    pub(crate) attributes: Attributes,
    /// The parameters of the trait, which must be absent.
    pub(crate) generics: Generics,
    /// `unsafe` and the like in front of `trait`, which must be absent.
    pub(crate) qualifiers: Vec<Qualifier>,
    /// The mark of `client_impl`, if the client is to implement the trait.
    pub(crate) client_impl: Option<Path>,
    /// Attributes of ours on the trait itself, where they mean nothing.
    pub(crate) misplaced: Vec<Misplaced>,
    pub(crate) methods: Vec<Method>,
    /// Whatever else stands in the trait, which must be nothing.
    pub(crate) others: Vec<OtherItem>,
    /// False when a mistake concerns the whole trait, so that nothing may name it as a bound.
    pub(crate) sound: bool,
}

impl Interface {
    /// The methods that code can be generated for.
    pub(crate) fn sound_methods(&self) -> impl Iterator<Item = &Method> {
        self.methods.iter().filter(|method| self.sound && method.sound)
    }
}

/// One method of an interface.
pub(crate) struct Method {
    pub(crate) ident: Ident,
    /// The name the other end knows it by.
    pub(crate) wire_name: String,
    pub(crate) id: MethodId,
    pub(crate) attributes: Attributes,
    pub(crate) generics: Generics,
    /// `unsafe`, `extern` and the like, which must be absent.
    pub(crate) qualifiers: Vec<Qualifier>,
    pub(crate) receiver: Receiver,
    /// The argument that is not sent but made by the server.
    pub(crate) context: Option<Context>,
    /// The arguments that are sent, in order.
    pub(crate) arguments: Vec<Argument>,
    pub(crate) answer: Answer,
    pub(crate) options: MethodOptions,
    /// Attributes that would make the wire contract depend on a condition.
    pub(crate) conditional_marks: Vec<ConditionalMark>,
    /// Attributes of ours in a place or a form that means nothing.
    pub(crate) misplaced: Vec<Misplaced>,
    /// `cfg` on arguments, directly or inside `cfg_attr`, which must be absent.
    pub(crate) argument_conditions: Vec<Attribute>,
    /// False when a mistake concerns this method, so that no code is generated for it.
    pub(crate) sound: bool,
}

impl Method {
    /// The type of the reply, whichever way it comes. `None` stands for `()`, or for a mistake.
    pub(crate) fn reply(&self) -> Option<&Type> {
        match &self.answer {
            Answer::Returned(reply) => reply.as_deref(),
            Answer::Future(future) => future.reply.as_deref(),
            Answer::Later(later) => later.reply.as_deref(),
        }
    }

    /// Whether the handler is a future.
    pub(crate) fn is_async(&self) -> bool {
        matches!(self.answer, Answer::Future(_))
    }
}

/// The number of a method.
pub(crate) struct MethodId {
    pub(crate) value: u32,
    /// What to point at: the number if it is pinned, the method's name otherwise.
    pub(crate) origin: TokenStream,
}

/// What `#[rpc(..)]` says; each option with the tokens that say it.
#[derive(Default)]
pub(crate) struct MethodOptions {
    pub(crate) idempotent: Option<Path>,
    pub(crate) oneway: Option<Path>,
    pub(crate) single_datagram: Option<Path>,
    pub(crate) deadline: Option<(Path, Duration)>,
    /// The most bytes of encoded arguments.
    pub(crate) max_request: Option<(Path, u32)>,
    /// The most bytes of an encoded result.
    pub(crate) max_reply: Option<(Path, u32)>,
    pub(crate) id: Option<(TokenStream, u32)>,
}

/// How a method takes the object it is called on.
pub(crate) enum Receiver {
    /// `&self`, possibly with a named lifetime.
    Shared(Option<Lifetime>),
    /// `self`, `&mut self` or `self: T`.
    Other(TokenStream),
    Missing,
}

/// An argument marked `#[ctx]`.
pub(crate) struct Context {
    pub(crate) ty: Type,
    /// True if it stands where it has to, right after the receiver.
    pub(crate) is_first: bool,
}

/// An argument that is sent.
pub(crate) struct Argument {
    pub(crate) pattern: Pattern,
    /// The type as written, without invisible groups around it.
    pub(crate) ty: Type,
}

/// How an argument is named.
pub(crate) enum Pattern {
    Name(Ident),
    /// A wildcard or a pattern that takes the value apart.
    Other(TokenStream),
}

/// How and with what a method answers.
pub(crate) enum Answer {
    /// The function returns the reply; `None` stands for no `->` at all.
    Returned(Option<Box<Type>>),
    /// The function is `async`, or returns `impl Future`.
    Future(Future),
    /// The reply is sent later through an argument marked `#[reply]`.
    Later(Box<Later>),
}

/// A handler that is a future.
pub(crate) struct Future {
    /// What to point at: the word `async`, or the type.
    pub(crate) mark: TokenStream,
    pub(crate) reply: Option<Box<Type>>,
    pub(crate) form: FutureForm,
}

/// How a method says that its handler is a future.
pub(crate) enum FutureForm {
    /// `async fn`, possibly with a default body, which must be absent.
    Async { has_body: bool },
    /// `-> impl Future`, which has to name its output and to be `Send`.
    Opaque { has_output: bool, is_send: bool },
}

/// An argument marked `#[reply]`.
pub(crate) struct Later {
    /// The argument.
    pub(crate) argument: TokenStream,
    /// Its type.
    pub(crate) ty: Type,
    /// The `T` of `Reply<T>`; `None` if the type has another form.
    pub(crate) reply: Option<Box<Type>>,
    /// Whether it is the last argument, as it has to be.
    pub(crate) is_last: bool,
    /// Other arguments with the mark, which must be absent.
    pub(crate) repeated: Vec<TokenStream>,
    /// The type that the function returns, which must be absent.
    pub(crate) returned: Option<Box<Type>>,
    /// The word `async`, which must be absent.
    pub(crate) asyncness: Option<TokenStream>,
}

/// An attribute of ours inside `cfg_attr`.
pub(crate) struct ConditionalMark {
    pub(crate) attribute: Attribute,
    /// How to write it without the condition.
    pub(crate) direct: &'static str,
}

/// An attribute of ours that stands where it does nothing, or says what it cannot.
pub(crate) struct Misplaced {
    pub(crate) attribute: Attribute,
    /// What is wrong, and where it belongs.
    pub(crate) message: &'static str,
}

/// A keyword or clause that must be taken away.
pub(crate) struct Qualifier {
    /// How the message calls it.
    pub(crate) name: &'static str,
    pub(crate) tokens: TokenStream,
}

/// An item of a trait that is not a method.
pub(crate) enum OtherItem {
    Type { ident: Ident, tokens: TokenStream },
    Const { ident: Ident },
    Unknown { tokens: TokenStream },
}

/// The attributes that generated items repeat.
#[derive(Default)]
pub(crate) struct Attributes {
    /// `cfg`: everything generated for the item exists under the same conditions.
    pub(crate) cfg: Vec<Attribute>,
    /// Documentation of the item.
    pub(crate) doc: Vec<Attribute>,
    /// `deprecated` and lint levels.
    pub(crate) lints: Vec<Attribute>,
}
