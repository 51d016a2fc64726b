//! Sending: one datagram, or a train of equal ones in a single system call (GSO).

use core::sync::atomic::Ordering;
use std::io;
use std::net::{IpAddr, SocketAddr};

use quinn_udp::UdpSocketState;

use super::super::socket::Sent;
use super::UdpLink;
use super::errors::Meaning;

/// How often a datagram is tried. An error can be the late report about an earlier one to somebody else,
/// and then this one was not sent; while that is found out the next report may come.
const TRIES: usize = 4;

impl UdpLink {
    /// Sends one datagram.
    pub(in super::super) fn send(
        &self,
        datagram: &[u8],
        to: SocketAddr,
        from: Option<IpAddr>,
    ) -> Sent {
        let mut sent = Sent::Gone;
        for _ in 0..TRIES {
            let Err(error) = self.try_send(datagram, to, from) else { return Sent::Gone };
            let meaning = self.meaning_of(&error);
            sent = match meaning {
                Meaning::WouldBlock => return Sent::Blocked,
                Meaning::QueueFull => return Sent::Dropped,
                Meaning::TooLarge => Sent::TooLarge,
                Meaning::Unsupported | Meaning::Other => Sent::Gone,
            };
            self.errors.note(meaning);
        }
        // The loop counts what is too large.
        if sent == Sent::Gone {
            self.troubles.count_unsent(1);
        }
        if sent == Sent::TooLarge {
            // Some systems say to a train of such datagrams that they do not know how to send it.
            self.takes_trains.store(true, Ordering::Relaxed);
        }
        sent
    }

    fn meaning_of(&self, error: &io::Error) -> Meaning {
        let meaning = Meaning::of(error);
        if meaning != Meaning::WouldBlock {
            self.troubles.count_send_error();
        }
        meaning
    }

    fn try_send(&self, datagram: &[u8], to: SocketAddr, from: Option<IpAddr>) -> io::Result<()> {
        match self.details.get() {
            None => self.calls.send_to(datagram, self.map(to)),
            Some(details) => self.transmit(details, datagram, None, to, from),
        }
    }

    fn transmit(
        &self,
        state: &UdpSocketState,
        contents: &[u8],
        segment_size: Option<usize>,
        to: SocketAddr,
        from: Option<IpAddr>,
    ) -> io::Result<()> {
        let transmit = quinn_udp::Transmit {
            destination: self.map(to),
            ecn: None,
            contents,
            segment_size,
            src_ip: from.map(|address| self.map_ip(address)),
        };
        self.calls.transmit(state, &transmit)
    }

    /// Sends datagrams of `size` bytes, the last of which may be shorter. `None` if the system did
    /// not take them so: then each is to be sent by itself, which also shows what was wrong.
    pub(in super::super) fn send_train(
        &self,
        train: &[u8],
        size: usize,
        to: SocketAddr,
        from: Option<IpAddr>,
    ) -> Option<Sent> {
        if !self.takes_trains.load(Ordering::Relaxed) {
            return None;
        }
        let state = self.train_state()?;
        for _ in 0..TRIES {
            let Err(error) = self.transmit(state, train, Some(size), to, from) else {
                return Some(Sent::Gone);
            };
            let meaning = self.meaning_of(&error);
            match meaning {
                Meaning::WouldBlock => return Some(Sent::Blocked),
                Meaning::QueueFull => return Some(Sent::Dropped),
                Meaning::Unsupported => {
                    self.takes_trains.store(false, Ordering::Relaxed);
                    return None;
                }
                Meaning::TooLarge | Meaning::Other => self.errors.note(meaning),
            }
        }
        None
    }

    fn train_state(&self) -> Option<&UdpSocketState> {
        let state = || super::foreign_state().ok().filter(|state| state.max_gso_segments() > 1);
        self.trains.get_or_init(state).as_ref()
    }

    /// Whether the system takes trains, as far as is known.
    #[cfg(test)]
    pub(in super::super) fn takes_trains(&self) -> bool {
        self.takes_trains.load(Ordering::Relaxed)
    }

    /// Lets it believe that the system takes trains, or that it does not.
    #[cfg(test)]
    pub(in super::super) fn pretend_trains(&self, takes_trains: bool) {
        self.takes_trains.store(takes_trains, Ordering::Relaxed);
    }
}
