//! Which parts of a large message are to be sent next.

use core::fmt;
use core::ops::Range;

use super::ranges::Ranges;
use crate::marshal::Body;

/// A message on its way out.
pub struct Message {
    body: Body,
    /// Everything before this was sent at least once.
    sent: usize,
    /// How far the receiver lets the sender go.
    limit: usize,
    arrived: Ranges,
    /// What was sent and is to be sent again.
    lost: Ranges,
}

impl Message {
    /// Nothing of it was sent. The receiver takes the first `limit` bytes unasked.
    pub fn new(body: impl Into<Body>, limit: usize) -> Self {
        let body = body.into();
        let limit = limit.min(body.len());
        Self { body, sent: 0, limit, arrived: Ranges::default(), lost: Ranges::default() }
    }

    /// The message.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// How many bytes have certainly arrived without a gap.
    pub fn prefix(&self) -> usize {
        self.arrived.prefix()
    }

    /// Whether every byte was sent at least once.
    pub fn is_sent(&self) -> bool {
        self.sent == self.body.len()
    }

    /// Whether every byte has arrived.
    pub fn has_arrived(&self) -> bool {
        self.arrived.prefix() == self.body.len()
    }

    /// Whether there is something to send that the receiver takes.
    pub fn wants_to_send(&self) -> bool {
        !self.lost.is_empty() || self.sent < self.limit
    }

    /// Whether the receiver's limit is what keeps it from going on.
    pub fn is_blocked(&self) -> bool {
        self.lost.is_empty() && self.sent == self.limit && !self.is_sent()
    }

    /// The next part to send, of at most `room` bytes: what was lost first.
    pub fn next(&mut self, room: usize) -> Option<Range<usize>> {
        if room == 0 {
            return None;
        }
        if let Some(first) = self.lost.first() {
            let part = first.start..first.end.min(first.start + room);
            self.lost.remove(part.clone());
            return Some(part);
        }
        let part = self.sent..self.limit.min(self.sent.saturating_add(room));
        self.sent = part.end;
        (!part.is_empty()).then_some(part)
    }

    /// A part has arrived.
    pub fn on_arrived(&mut self, part: Range<usize>) {
        self.lost.remove(part.clone());
        self.arrived.insert(part);
    }

    /// A part was lost, or is to be sent again to be sure.
    pub fn on_lost(&mut self, part: Range<usize>) {
        for missing in self.arrived.missing(part) {
            self.lost.insert(missing);
        }
    }

    /// The receiver takes everything before `limit`. It never takes that back. True if that is more
    /// than before.
    pub fn raise_limit(&mut self, limit: usize) -> bool {
        let limit = limit.min(self.body.len());
        let is_more = limit > self.limit;
        self.limit = self.limit.max(limit);
        is_more
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("length", &self.body.len())
            .field("sent", &self.sent)
            .field("limit", &self.limit)
            .field("arrived", &self.arrived.prefix())
            .field("is_lost", &!self.lost.is_empty())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_sent_and_only_what_was_lost_is_sent_again() {
        let mut message = Message::new(vec![0; 1000], 300);
        assert_eq!(message.next(200), Some(0..200));
        assert_eq!(message.next(200), Some(200..300));
        assert_eq!(message.next(200), None);
        assert!(message.is_blocked() && !message.wants_to_send());
        message.raise_limit(100);
        assert_eq!(message.next(200), None, "a limit is never taken back");
        message.raise_limit(5000);
        message.on_lost(0..200);
        message.on_arrived(50..60);
        assert_eq!(message.next(1000), Some(0..50));
        assert_eq!(message.next(100), Some(60..160));
        assert_eq!(message.next(1000), Some(160..200));
        assert_eq!(message.next(1000), Some(300..1000));
        assert!(message.is_sent() && !message.has_arrived() && !message.is_blocked());
        message.on_arrived(0..1000);
        message.on_lost(60..160);
        assert!(message.has_arrived() && !message.wants_to_send(), "it was late, not lost");
    }
}
