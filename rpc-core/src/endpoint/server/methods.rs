//! What the core knows of the methods that are served.

use std::collections::BTreeMap;

use crate::config::MessageLimits;
use crate::wire::frame::{self, Request};

/// One served method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodEntry {
    /// Which of the server's services has it.
    pub service: usize,
    /// The hash of its signature.
    pub signature: u32,
    /// Its signature as a person reads it.
    pub signature_text: &'static str,
    /// Whether its reply need not be kept.
    pub is_idempotent: bool,
    /// Whether it has no reply.
    pub is_oneway: bool,
    /// How large its messages may be, where it says so.
    pub limits: MessageLimits,
}

/// Every served method, by interface id and method id.
#[derive(Clone, Debug, Default)]
pub struct MethodTable {
    interfaces: Vec<u32>,
    methods: BTreeMap<(u32, u32), Served>,
}

#[derive(Clone, Debug)]
struct Served {
    entry: MethodEntry,
    /// The part of the digest of its calls in which they are all alike.
    digest: u32,
}

impl MethodTable {
    /// Makes an interface known.
    pub fn add_interface(&mut self, interface: u32) {
        self.interfaces.push(interface);
    }

    /// Makes a method known.
    pub fn add_method(&mut self, interface: u32, method: u32, entry: MethodEntry) {
        let digest = frame::digest_of_names(interface, method, entry.signature);
        self.methods.insert((interface, method), Served { entry, digest });
    }

    /// Whether the interface is served at all.
    pub fn has_interface(&self, interface: u32) -> bool {
        self.interfaces.contains(&interface)
    }

    /// The largest arguments that any method takes; those that say nothing take `otherwise`.
    pub(super) fn largest_request(&self, otherwise: usize) -> usize {
        let said = self.methods.values().filter_map(|method| method.entry.limits.request);
        said.fold(otherwise, usize::max)
    }

    /// The largest result that any method gives; those that say nothing give `otherwise`.
    pub fn largest_reply(&self, otherwise: usize) -> usize {
        let said = self.methods.values().filter_map(|method| method.entry.limits.reply);
        said.fold(otherwise, usize::max)
    }

    /// The digest of a call, see [`frame::digest`].
    pub(super) fn digest(&self, request: &Request, arguments: &[u8]) -> u32 {
        let Request { interface, method, signature, .. } = *request;
        let served = self.methods.get(&(interface, method));
        let names = match served.filter(|served| served.entry.signature == signature) {
            Some(served) => served.digest,
            None => frame::digest_of_names(interface, method, signature),
        };
        names ^ frame::digest_of_arguments(arguments)
    }

    /// Finds a method.
    pub fn find(&self, interface: u32, method: u32) -> Option<&MethodEntry> {
        self.methods.get(&(interface, method)).map(|served| &served.entry)
    }
}
