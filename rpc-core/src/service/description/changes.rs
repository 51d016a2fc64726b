//! What a changed interface means for clients that were built before the change.

use core::fmt;

use super::{Description, MethodDescription};

/// A change that breaks clients which were built before it. It displays as what changed, what those
/// clients see, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Incompatibility {
    /// The interface is served under another name.
    InterfaceRenamed {
        /// The name that clients ask for.
        saved: String,
        /// The name that it has now.
        now: String,
    },
    /// A method is gone, or has another name and no `id` that says so.
    MethodRemoved {
        /// Its name.
        method: String,
        /// Its id.
        id: u32,
        /// Whether it was one-way.
        is_oneway: bool,
        /// A new method with the same signature, which may be the same one renamed.
        successor: Option<String>,
    },
    /// A method has another id.
    IdChanged {
        /// Its name.
        method: String,
        /// The id that clients ask for.
        saved: u32,
        /// The id that it has now.
        now: u32,
    },
    /// The arguments or the result of a method, or types that they use, have another encoding.
    SignatureChanged {
        /// Its name.
        method: String,
        /// Whether it is one-way.
        is_oneway: bool,
        /// The signature that clients were built with, and the types that it uses.
        saved: String,
        /// The signature that it has now.
        now: String,
    },
    /// A method became one-way, or is no longer.
    OnewayChanged {
        /// Its name.
        method: String,
        /// Whether it is one-way now.
        is_oneway: bool,
        /// The signature that clients were built with, and the types that it uses.
        saved: String,
        /// The signature that it has now.
        now: String,
    },
    /// A method is no longer idempotent.
    IdempotentRemoved {
        /// Its name.
        method: String,
    },
    /// A method became idempotent.
    IdempotentAdded {
        /// Its name.
        method: String,
    },
}

impl Description {
    /// What clients that were built from `saved` would miss at a server of this interface. Nothing, if
    /// methods were only added or renamed with their ids kept, or deadlines changed.
    ///
    /// It compares what is on the wire. Two arguments of the same type that trade places are no change
    /// that can be seen, nor is a method that does something else.
    pub fn incompatibilities(&self, saved: &Self) -> Vec<Incompatibility> {
        let mut found = Vec::new();
        if self.id != saved.id {
            let (saved, now) = (saved.name.clone(), self.name.clone());
            found.push(Incompatibility::InterfaceRenamed { saved, now });
        }
        for old in &saved.methods {
            match self.methods.iter().find(|method| method.id == old.id) {
                Some(new) => self.compare(new, saved, old, &mut found),
                None => found.push(self.missing(saved, old)),
            }
        }
        found
    }

    fn missing(&self, saved: &Self, old: &MethodDescription) -> Incompatibility {
        let method = old.name.clone();
        if let Some(new) = self.methods.iter().find(|new| new.name == old.name) {
            return Incompatibility::IdChanged { method, saved: old.id, now: new.id };
        }
        let is_new = |new: &&MethodDescription| saved.methods.iter().all(|old| old.id != new.id);
        let mut alike =
            self.methods.iter().filter(is_new).filter(|new| new.signature == old.signature);
        // Of several, nobody can tell which it is.
        let successor = alike.next().filter(|_| alike.next().is_none());
        let successor = successor.filter(|new| !new.has_pinned_id()).map(|new| new.name.clone());
        let is_oneway = old.is_oneway();
        Incompatibility::MethodRemoved { method, id: old.id, is_oneway, successor }
    }

    fn compare(
        &self,
        new: &MethodDescription,
        saved: &Self,
        old: &MethodDescription,
        found: &mut Vec<Incompatibility>,
    ) {
        let method = new.name.clone();
        let is_oneway = new.is_oneway();
        let texts = || (saved.spelled_out(old), self.spelled_out(new));
        found.push(if is_oneway != old.is_oneway() {
            let (saved, now) = texts();
            Incompatibility::OnewayChanged { method, is_oneway, saved, now }
        } else if new.signature != old.signature {
            let (saved, now) = texts();
            Incompatibility::SignatureChanged { method, is_oneway, saved, now }
        } else {
            match (old.is_idempotent(), new.is_idempotent()) {
                (true, false) => Incompatibility::IdempotentRemoved { method },
                (false, true) => Incompatibility::IdempotentAdded { method },
                _ => return,
            }
        });
    }
}

// What becomes of calls of a method that changed.
const UNKNOWN_METHOD: &str = "its calls fail with UnknownMethod and do not run";
const MISMATCH: &str = "its calls fail with SignatureMismatch and do not run";
const LOST: &str = "its calls do not run, and nobody tells them so, since they are `oneway`";

impl fmt::Display for Incompatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InterfaceRenamed { saved, now } => {
                writeln!(f, "the interface `{saved}` is called `{now}` now")?;
                clients(f, "their calls fail with UnknownInterface and do not run")?;
                to_do(f, &format!("keep the name: #[rpc_interface(name = \"{saved}\")]"))
            }
            Self::MethodRemoved { method, id, is_oneway, successor } => {
                writeln!(f, "the method `{method}` is gone")?;
                clients(f, if *is_oneway { LOST } else { UNKNOWN_METHOD })?;
                match successor {
                    Some(new) => to_do(
                        f,
                        &format!(
                            "if it is called `{new}` now, say so: #[rpc(id = {id:#010x})] fn {new}"
                        ),
                    ),
                    None => to_do(f, "keep it for as long as clients call it"),
                }
            }
            Self::IdChanged { method, saved, now } => {
                writeln!(f, "the id of `{method}` was {saved:#010x} and is {now:#010x}")?;
                clients(f, UNKNOWN_METHOD)?;
                to_do(f, &format!("pin the old one: #[rpc(id = {saved:#010x})] fn {method}"))
            }
            Self::SignatureChanged { method, is_oneway, saved, now } => {
                writeln!(f, "the signature of `{method}` changed")?;
                both(f, saved, now)?;
                clients(f, if *is_oneway { LOST } else { MISMATCH })?;
                to_do(f, "leave it as it was, and add a method of another name beside it")
            }
            Self::OnewayChanged { method, is_oneway, saved, now } => {
                let change = if *is_oneway { "is `oneway` now" } else { "is no longer `oneway`" };
                writeln!(f, "`{method}` {change}")?;
                both(f, saved, now)?;
                clients(f, if *is_oneway { MISMATCH } else { LOST })?;
                to_do(f, "leave it as it was, and add a method of another name beside it")
            }
            Self::IdempotentRemoved { method } => {
                writeln!(f, "`{method}` is no longer `idempotent`")?;
                clients(f, "they still repeat it, so that it may run more than once")?;
                to_do(f, "leave it `idempotent`, and add a method of another name beside it")
            }
            Self::IdempotentAdded { method } => {
                writeln!(f, "`{method}` is `idempotent` now, and its reply is not kept")?;
                clients(f, "a call whose reply is lost fails with ReplyNotKept and has run")?;
                to_do(f, "leave it as it was, and add a method of another name beside it")
            }
        }
    }
}

fn clients(f: &mut fmt::Formatter<'_>, what: &str) -> fmt::Result {
    writeln!(f, "  old clients: {what}")
}

fn to_do(f: &mut fmt::Formatter<'_>, what: &str) -> fmt::Result {
    write!(f, "  to do: {what}")
}

/// Two signatures, one under the other.
fn both(f: &mut fmt::Formatter<'_>, saved: &str, now: &str) -> fmt::Result {
    for (label, text) in [("saved", saved), ("now", now)] {
        for (position, line) in text.lines().enumerate() {
            writeln!(f, "  {:>5}  {line}", if position == 0 { label } else { "" })?;
        }
    }
    Ok(())
}
