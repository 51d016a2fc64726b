//! What travels. A message that was once sent can be delivered at any later time, any number of times.

/// A session, as the server names it. The real id is 64 random bits, so that no other incarnation
/// ever issues it; here that is said by a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SessionId {
    pub(crate) incarnation: u8,
    pub(crate) index: u8,
}

/// The lane of one-way calls.
pub(crate) const ONEWAY: u8 = u8::MAX;

/// What names a call on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) session: SessionId,
    pub(crate) lane: u8,
    pub(crate) number: u8,
}

/// Why a call was refused, as far as clients make a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// It may be made again under another number.
    Busy,
    /// Unknown method, expired, shutting down and so on.
    Refused,
    /// By a FENCE.
    Fenced,
    /// It was taken, and given up before its handler was entered.
    Abandoned,
}

/// A datagram. `call` in a request stands for the arguments, and in a reply for the call whose
/// execution gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Message {
    Hello { nonce: u8 },
    Challenge { nonce: u8, cookie: u8 },
    Open { nonce: u8, cookie: u8, previous: Option<SessionId> },
    Welcome { nonce: u8, session: SessionId },
    Full { nonce: u8 },
    Close { session: SessionId },
    Request { name: Name, call: u8 },
    Probe { name: Name },
    Fence { name: Name },
    Acknowledge { name: Name },
    Reply { name: Name, call: u8 },
    Verdict { name: Name, verdict: Verdict },
    Misuse { name: Name, call: u8 },
    Working { name: Name, is_running: bool },
    NotKept { name: Name },
    Running { name: Name },
    Superseded { name: Name },
    Unseen { name: Name },
    Acknowledged { name: Name },
}

impl Message {
    /// Whether a client sends it.
    pub(crate) fn is_for_server(self) -> bool {
        matches!(
            self,
            Self::Hello { .. }
                | Self::Open { .. }
                | Self::Close { .. }
                | Self::Request { .. }
                | Self::Probe { .. }
                | Self::Fence { .. }
                | Self::Acknowledge { .. }
        )
    }
}

/// The network: everything that was ever sent, in an order that says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Network(Vec<Message>);

impl Network {
    pub(crate) fn send(&mut self, message: Message) {
        if let Err(place) = self.0.binary_search(&message) {
            self.0.insert(place, message);
        }
    }

    pub(crate) fn has(&self, message: Message) -> bool {
        self.0.binary_search(&message).is_ok()
    }

    /// Forgets the messages that do nothing wherever they arrive.
    pub(crate) fn forget(&mut self, is_dead: impl Fn(Message) -> bool) {
        self.0.retain(|&message| !is_dead(message));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Message> {
        self.0.iter().copied()
    }
}
