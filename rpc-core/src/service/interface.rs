//! What generated code says about an interface, and the ids and signatures that follow from it.

use core::time::Duration;
use std::sync::OnceLock;

use crate::config::MessageLimits;
use crate::marshal::Schema;

/// One interface: a name and its methods. Generated code keeps one in a `static`.
#[derive(Debug)]
pub struct Interface {
    name: &'static str,
    id: u32,
    methods: &'static [&'static Method],
}

impl Interface {
    /// Describes an interface. Its id is the FNV-1a hash of the name.
    pub const fn new(name: &'static str, methods: &'static [&'static Method]) -> Self {
        Self { name, id: method_id(name), methods }
    }

    /// The name it is served under.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The id that stands for the name on the wire.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// Its methods, in the order of the trait.
    pub const fn methods(&self) -> &'static [&'static Method] {
        self.methods
    }
}

/// One method of an interface. Generated code keeps one in a `static`.
#[derive(Debug)]
pub struct Method {
    name: &'static str,
    id: u32,
    idempotent: bool,
    oneway: bool,
    deadline: Option<Duration>,
    limits: MessageLimits,
    pub(super) describe: fn(&mut Schema),
    signature: OnceLock<Signature>,
}

/// What both sides must agree on to understand each other's bytes.
#[derive(Debug)]
pub struct Signature {
    /// The hash that travels with every request.
    pub hash: u32,
    /// The signature as a person reads it.
    pub text: String,
}

impl Method {
    /// Describes a method. `describe` names its arguments and its result to a [`Schema`].
    pub const fn new(name: &'static str, id: u32, describe: fn(&mut Schema)) -> Self {
        Self {
            name,
            id,
            idempotent: false,
            oneway: false,
            deadline: None,
            limits: MessageLimits { request: None, reply: None },
            describe,
            signature: OnceLock::new(),
        }
    }

    /// Marks it idempotent: it may be run again at any later time, and its reply is not kept.
    #[must_use]
    pub const fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Marks it one-way: one datagram, no reply, no promise.
    #[must_use]
    pub const fn oneway(mut self) -> Self {
        self.oneway = true;
        self
    }

    /// Gives it a deadline of its own.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Limits its encoded arguments to this many bytes.
    #[must_use]
    pub const fn largest_request(mut self, bytes: usize) -> Self {
        self.limits.request = Some(bytes);
        self
    }

    /// Limits its encoded result to this many bytes, which are booked before it runs.
    #[must_use]
    pub const fn largest_reply(mut self, bytes: usize) -> Self {
        self.limits.reply = Some(bytes);
        self
    }

    /// The name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The id that stands for the method on the wire.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// Whether it may be repeated at any later time.
    pub const fn is_idempotent(&self) -> bool {
        self.idempotent
    }

    /// Whether nobody waits for a reply.
    pub const fn is_oneway(&self) -> bool {
        self.oneway
    }

    /// Its own deadline, if it has one.
    pub const fn own_deadline(&self) -> Option<Duration> {
        self.deadline
    }

    /// How large its messages may be, where it says so.
    pub const fn limits(&self) -> MessageLimits {
        self.limits
    }

    /// Its signature, computed at first use.
    pub fn signature(&self) -> &Signature {
        self.signature.get_or_init(|| {
            let mut schema = Schema::new();
            (self.describe)(&mut schema);
            Signature { hash: schema.hash(), text: format!("{}{}", self.name, schema.text()) }
        })
    }
}

/// The 32-bit FNV-1a hash of a name: the id of a method that pins none.
///
/// ```
/// assert_eq!(farcall_core::service::method_id(""), 0x811c_9dc5);
/// assert_eq!(farcall_core::service::method_id("a"), 0xe40c_292c);
/// ```
pub const fn method_id(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let mut hash: u32 = 0x811c_9dc5;
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u32).wrapping_mul(0x0100_0193);
        index += 1;
    }
    hash
}
