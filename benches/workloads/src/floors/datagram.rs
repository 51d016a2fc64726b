//! What the floors send instead of a call.

use std::net::UdpSocket;

use farcall::ClientConfig;
use socket2::SockRef;

use crate::Result;

/// How many bytes go back and forth: as many as the datagram of a null call of farcall's has.
pub(super) const LENGTH: usize = 56;

/// The largest message that goes in one datagram: what is larger would need a protocol.
pub(super) const LARGEST: usize = 60_000;

/// Why an echo of a larger message is not measured.
pub(super) const TOO_LARGE: &str = "more than a datagram needs a protocol";

/// What is needed to lose nothing on the way within one machine.
pub(super) fn enlarge_buffer(socket: &UdpSocket) -> Result<()> {
    // As much as a farcall endpoint asks for. The usual buffer overflows with 256 in flight.
    Ok(SockRef::from(socket).set_recv_buffer_size(ClientConfig::default().receive_buffer)?)
}

/// Numbered datagrams. They come back in turn, since one machine does not reorder the datagrams between
/// two sockets.
#[derive(Debug)]
pub(super) struct Numbered {
    /// The number of the next datagram.
    next: u64,
    /// The number that has to come back next.
    expected: u64,
    /// Begins with the number.
    bytes: [u8; LENGTH],
}

impl Numbered {
    pub(super) fn new() -> Self {
        let mut bytes = [0; LENGTH];
        fastrand::Rng::with_seed(1).fill(&mut bytes);
        Self { next: 0, expected: 0, bytes }
    }

    /// The next datagram to be sent.
    pub(super) fn next(&mut self) -> &[u8; LENGTH] {
        self.next += 1;
        self.with_number(self.next - 1)
    }

    /// The datagram that has to come back next.
    pub(super) fn awaited(&mut self) -> &[u8; LENGTH] {
        self.with_number(self.expected)
    }

    fn with_number(&mut self, number: u64) -> &[u8; LENGTH] {
        self.bytes[..8].copy_from_slice(&number.to_be_bytes());
        &self.bytes
    }

    /// Compares what came back, whole.
    pub(super) fn check(&mut self, reply: &[u8]) -> Result<()> {
        if reply != self.awaited() {
            return Err("the echo lost or changed a datagram".into());
        }
        self.expected += 1;
        Ok(())
    }

    /// Whether this has come back already: a copy that was taken for lost.
    pub(super) fn is_old(&self, reply: &[u8]) -> bool {
        let number = reply.first_chunk().map(|number| u64::from_be_bytes(*number));
        number.is_some_and(|number| number < self.expected)
    }

    /// How many have come back.
    pub(super) fn count(&self) -> u64 {
        self.expected
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.next - self.expected
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::system::{Client, System};
    use crate::{FarcallSystem, message};

    #[test]
    fn a_floor_sends_as_many_bytes_as_a_call() -> Result<()> {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            FarcallSystem::BLOCKING.serve(&mut |address| sender.send(address).unwrap_or_default())
        });
        let mut client = FarcallSystem::BLOCKING.client(receiver.recv()?)?;
        client.call()?;
        let before = client.statistics();
        client.call()?;
        let after = client.statistics();
        let datagrams = after.datagrams_sent - before.datagrams_sent;
        assert_eq!((after.bytes_sent - before.bytes_sent) / datagrams, LENGTH as u64);
        Ok(())
    }

    #[test]
    fn a_changed_datagram_is_noticed() {
        let mut numbered = Numbered::new();
        let sent = *numbered.next();
        assert!(numbered.check(&sent[1..]).is_err());
        assert!(numbered.check(&sent).is_ok());
        assert!(numbered.check(&sent).is_err(), "it came twice");
        assert!(numbered.is_old(&sent));
        assert_ne!(message::checksum(&sent), message::checksum(&sent[1..]));
    }
}
