//! What the loop needs of a network: a non-blocking socket for datagrams, over UDP or in process.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use mio::{Registry, Token};

use super::backlog::Backlog;
use super::inbox::Inbox;
use super::local::LocalSocket;
use super::troubles::Troubles;
use super::udp::UdpLink;
use crate::config::{BASE_DATAGRAM_SIZE, LARGEST_DATAGRAM_SIZE};
use crate::endpoint::Transmit;

/// A datagram socket. Any thread may send through it; only the holder of the seat receives.
pub(super) struct Socket {
    link: Link,
    backlog: Backlog,
    troubles: Arc<Troubles>,
}

/// What is behind a socket.
pub(super) enum Link {
    /// A UDP socket.
    Udp(UdpLink),
    /// A place in an in-process network.
    Local(LocalSocket),
}

/// What a batch of receptions left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// The socket said that it would block. Only this promises an event for the next datagram.
    Drained,
    /// The batch was full first.
    MayBeReadable,
    /// There were nothing but errors. There may be datagrams behind them, of which no event tells.
    Failing,
}

/// What became of a datagram, or of a train of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// It is on its way, or lost for a reason that concerns no other.
    Gone,
    /// It is lost, since the queue of the device is full, which the next ones should wait for.
    Dropped,
    /// It is too large for the path, and was not sent.
    TooLarge,
    /// There is no room for it, and it was not sent.
    Blocked,
}

/// The most datagrams of a train, as Linux has it.
const LONGEST_TRAIN: usize = 64;

impl From<UdpLink> for Socket {
    fn from(link: UdpLink) -> Self {
        let troubles = Arc::clone(link.troubles());
        Self { link: Link::Udp(link), backlog: Backlog::default(), troubles }
    }
}

impl From<LocalSocket> for Socket {
    fn from(socket: LocalSocket) -> Self {
        let link = Link::Local(socket);
        Self { link, backlog: Backlog::default(), troubles: Arc::default() }
    }
}

impl Socket {
    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    /// What could not be sent.
    pub(super) fn backlog(&self) -> &Backlog {
        &self.backlog
    }

    /// What went wrong so far.
    pub(super) fn troubles(&self) -> &Arc<Troubles> {
        &self.troubles
    }

    /// Asks for an event under `token` whenever a datagram arrives. An in-process socket announces
    /// its datagrams through the loop's waker instead.
    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match &mut self.link {
            Link::Udp(link) => link.register(registry, token),
            Link::Local(_) => Ok(()),
        }
    }

    /// As [`register`](Self::register), for a socket that is in use.
    pub(super) fn attach(&self, registry: &Registry, token: Token) -> io::Result<()> {
        match &self.link {
            Link::Udp(link) => link.attach(registry, token),
            Link::Local(_) => Ok(()),
        }
    }

    /// Asks for no events any more.
    pub(super) fn detach(&self, registry: &Registry) -> io::Result<()> {
        match &self.link {
            Link::Udp(link) => link.detach(registry),
            Link::Local(_) => Ok(()),
        }
    }

    /// Asks for an event when there is room for more datagrams, or for none any more. It may be that
    /// none comes.
    pub(super) fn watch_writable(&self, registry: &Registry, token: Token, watches: bool) {
        if let Link::Udp(link) = &self.link {
            link.watch_writable(registry, token, watches);
        }
    }

    /// The bound address.
    pub(super) fn local_addr(&self) -> SocketAddr {
        match &self.link {
            Link::Udp(link) => link.local_addr(),
            Link::Local(socket) => socket.local_addr(),
        }
    }

    /// How many bytes wait to be received before more are lost, as the system granted them; 0 if it
    /// does not say.
    pub(super) fn receive_buffer(&self) -> usize {
        match &self.link {
            Link::Udp(link) => link.receive_buffer(),
            Link::Local(socket) => socket.receive_buffer(),
        }
    }

    /// Receives at most about `limit` datagrams, without blocking. Errors and empty datagrams count
    /// as well, so that a flood of them cannot hold the loop.
    pub(super) fn receive(&self, inbox: &mut Inbox, limit: usize) -> Readiness {
        match &self.link {
            Link::Udp(link) => link.receive(inbox, limit),
            Link::Local(socket) => socket.receive(inbox, limit),
        }
    }

    /// Sends what can be sent of `bytes`, which are the datagrams of `transmits`. False if the holder of
    /// the seat has to look at the [`backlog`](Self::backlog).
    pub(super) fn send(&self, bytes: &[u8], transmits: &[Transmit]) -> bool {
        if self.backlog.is_blocked() {
            self.hold(bytes, transmits);
            return false;
        }
        let (mut bytes, mut transmits) = (bytes, transmits);
        let mut is_fine = true;
        // How many datagrams of a train that was refused are left.
        let mut singles = 0;
        while let Some(first) = transmits.first() {
            let mut count = if singles > 0 { 1 } else { train(transmits) };
            let mut sent = None;
            if count > 1 {
                sent = self.send_train(&bytes[..length(&transmits[..count])], first);
                if sent.is_none() {
                    singles = count;
                    count = 1;
                }
            }
            singles = singles.saturating_sub(1);
            let (datagrams, after) = bytes.split_at(length(&transmits[..count]));
            let sent = sent.unwrap_or_else(|| self.send_one(datagrams, first.to, first.from));
            match sent {
                Sent::Gone => {}
                Sent::TooLarge => {
                    self.troubles.count_unsent(1);
                    self.backlog.report(first.to, datagrams.len());
                    is_fine = false;
                }
                Sent::Dropped => {
                    let unsent = self.backlog.pause(after, &transmits[count..]);
                    self.troubles.count_unsent(count + unsent);
                    return false;
                }
                Sent::Blocked => {
                    self.hold(bytes, transmits);
                    return false;
                }
            }
            (bytes, transmits) = (after, &transmits[count..]);
        }
        is_fine
    }

    #[cold]
    fn hold(&self, bytes: &[u8], transmits: &[Transmit]) {
        let unsent = self.backlog.hold(bytes, transmits);
        if unsent > 0 {
            self.troubles.count_unsent(unsent);
        }
    }

    /// Tries to send what had to wait.
    pub(super) fn send_backlog(&self) {
        let (bytes, transmits) = self.backlog.release();
        self.send(&bytes, &transmits);
    }

    /// Sends one datagram. A failure concerns this datagram only.
    pub(super) fn send_one(&self, datagram: &[u8], to: SocketAddr, from: Option<IpAddr>) -> Sent {
        match &self.link {
            Link::Udp(link) => link.send(datagram, to, from),
            Link::Local(socket) => socket.send(datagram, to),
        }
    }

    fn send_train(&self, bytes: &[u8], first: &Transmit) -> Option<Sent> {
        match &self.link {
            Link::Udp(link) => link.send_train(bytes, first.length, first.to, first.from),
            Link::Local(_) => None,
        }
    }

    /// Peers that were reported as unreachable since this was last asked. Never exact: a hint.
    pub(super) fn take_refusals(&self, refused: impl FnMut(SocketAddr)) {
        match &self.link {
            Link::Udp(link) => link.take_refusals(refused),
            Link::Local(_) => {}
        }
    }
}

fn length(transmits: &[Transmit]) -> usize {
    transmits.iter().map(|transmit| transmit.length).sum()
}

/// How many of the first datagrams may go as one train: of one size, except for the last, and to one
/// peer. At least 1.
///
/// Small calls are not put into trains: what is packed for them is seldom of equal size, and where the
/// other side is quick it is better to let it begin with the first datagram.
#[inline]
fn train(transmits: &[Transmit]) -> usize {
    let first = transmits[0];
    if first.length < BASE_DATAGRAM_SIZE || first.length > LARGEST_DATAGRAM_SIZE / 2 {
        return 1;
    }
    let most = LONGEST_TRAIN.min(LARGEST_DATAGRAM_SIZE / first.length);
    let mut count = 1;
    for next in transmits[1..].iter().take(most - 1) {
        let is_alike = next.to == first.to && next.from == first.from;
        if !is_alike || next.length > first.length || next.length == 0 {
            break;
        }
        count += 1;
        if next.length < first.length {
            break;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transmits(to: u16, lengths: &[usize]) -> Vec<Transmit> {
        let to = SocketAddr::from(([127, 0, 0, 1], to));
        lengths.iter().map(|&length| Transmit { to, from: None, length }).collect()
    }

    #[test]
    fn a_train_is_of_one_size_and_to_one_peer() {
        let size = BASE_DATAGRAM_SIZE;
        for (lengths, expected) in [
            (vec![size], 1),
            (vec![size, size, size], 3),
            (vec![size, size, 1, size], 3),
            (vec![size, size + 1], 1),
            (vec![size, size, 0], 2),
            (vec![size - 1, size - 1], 1),
            (vec![size; 100], 65_507 / size),
            (vec![1023, 1023], 1),
            (vec![32_753; 3], 2),
            (vec![32_754; 3], 1),
            (vec![65_507; 3], 1),
        ] {
            assert_eq!(train(&transmits(1, &lengths)), expected, "{lengths:?}");
        }
        let mut mixed = transmits(1, &[size, size]);
        mixed.extend(transmits(2, &[size]));
        assert_eq!(train(&mixed), 2);
        mixed[1].from = Some(IpAddr::from([127, 0, 0, 3]));
        assert_eq!(train(&mixed), 1);
    }
}
