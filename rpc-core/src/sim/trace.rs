//! The record of a run.

use core::fmt;
use core::hash::Hasher;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use siphasher::sip::SipHasher13;

use super::describe::describe;
use super::link::Fate;
use crate::time::Timestamp;

/// What happened in a world: its last [`capacity`](super::Settings::trace) records, and a hash over
/// all of them.
///
/// Printed, it has one line per record: the time, who to whom, how many bytes, what is in them, what became
/// of it.
#[derive(Clone)]
pub struct Trace {
    records: VecDeque<Record>,
    capacity: usize,
    total: u64,
    fates: [u64; FATES.len()],
    hash: SipHasher13,
    names: BTreeMap<SocketAddr, String>,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Record {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum What {
    /// A datagram was sent, or got lost on arrival.
    Datagram {
        /// The sender's address.
        from: SocketAddr,
        /// The receiver's address.
        to: SocketAddr,
        /// The bytes as they arrive.
        data: Bytes,
        /// What the network does with it.
        fate: Fate,
        /// When it arrives, if it does.
        arrival: Option<Timestamp>,
    },
    /// A handler was entered.
    Entered {
        /// The server's address.
        server: SocketAddr,
        /// The id of the method.
        method: u32,
    },
    /// A handler's result was handed to its server.
    Answered {
        /// The server's address.
        server: SocketAddr,
        /// The id of the method.
        method: u32,
    },
    /// A fault that the scenario caused, or a remark of its own.
    Note(String),
}

impl Trace {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            records: VecDeque::new(),
            capacity,
            total: 0,
            fates: [0; FATES.len()],
            hash: SipHasher13::new_with_keys(0, 0),
            names: BTreeMap::new(),
        }
    }

    /// The kept records, oldest first.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter()
    }

    /// How many records there were, those not kept included.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How often each thing became of a datagram. The same names in the same order for every trace.
    pub fn fates(&self) -> impl Iterator<Item = (&'static str, u64)> {
        FATES.into_iter().zip(self.fates)
    }

    /// A hash over everything that ever happened. Two runs with one hash were the same run.
    pub fn hash(&self) -> u64 {
        self.hash.finish()
    }

    pub(super) fn name(&mut self, address: SocketAddr, name: &str) {
        self.names.insert(address, format!("{name}:{}", address.port()));
    }

    pub(super) fn add(&mut self, at: Timestamp, what: What) {
        self.total += 1;
        self.absorb(at, &what);
        if let What::Datagram { fate, .. } = &what {
            self.fates[fate_number(*fate)] += 1;
        }
        if self.capacity == 0 {
            return;
        }
        if self.records.len() == self.capacity {
            self.records.pop_front();
        }
        self.records.push_back(Record { at, what });
    }

    fn absorb(&mut self, at: Timestamp, what: &What) {
        let hash = &mut self.hash;
        word(hash, at.as_nanos());
        match what {
            What::Datagram { from, to, data, fate, arrival } => {
                word(hash, 1);
                address(hash, *from);
                address(hash, *to);
                word(hash, data.len() as u64);
                hash.write(data);
                // The bytes tell how it was corrupted, so the name of the fate is enough.
                word(hash, fate_number(*fate) as u64);
                word(hash, arrival.unwrap_or(Timestamp::NEVER).as_nanos());
            }
            What::Entered { server, method } => {
                word(hash, 2);
                address(hash, *server);
                word(hash, u64::from(*method));
            }
            What::Answered { server, method } => {
                word(hash, 3);
                address(hash, *server);
                word(hash, u64::from(*method));
            }
            What::Note(text) => {
                word(hash, 4);
                hash.write(text.as_bytes());
            }
        }
    }

    fn write_record(&self, f: &mut fmt::Formatter<'_>, record: &Record) -> fmt::Result {
        let seconds = record.at.as_nanos() / 1_000_000_000;
        let micros = record.at.as_nanos() / 1_000 % 1_000_000;
        write!(f, "{seconds:>5}.{micros:06}  ")?;
        match &record.what {
            What::Datagram { from, to, data, fate, arrival } => {
                let (from, to) = (self.name_of(from), self.name_of(to));
                let (bytes, content) = (data.len(), describe(data));
                write!(f, "{from:>14} -> {to:<14} {bytes:>5} B  {content}  {fate}")?;
                match arrival {
                    Some(arrival) => writeln!(f, ", arrives after {:?}", arrival.since(record.at)),
                    None => writeln!(f),
                }
            }
            What::Entered { server, method } => {
                writeln!(f, "{:>14} runs method {method:08x}", self.name_of(server))
            }
            What::Answered { server, method } => {
                writeln!(f, "{:>14} answers method {method:08x}", self.name_of(server))
            }
            What::Note(text) => writeln!(f, "-- {text}"),
        }
    }

    fn name_of(&self, address: &SocketAddr) -> String {
        self.names.get(address).cloned().unwrap_or_else(|| address.to_string())
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left_out = self.total - self.records.len() as u64;
        if left_out > 0 {
            writeln!(f, "({left_out} earlier records are not kept)")?;
        }
        self.records.iter().try_for_each(|record| self.write_record(f, record))
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace")
            .field("total", &self.total)
            .field("hash", &format_args!("{:016x}", self.hash()))
            .finish_non_exhaustive()
    }
}

// Little-endian on every platform, unlike `Hasher::write_u64`.
fn word(hash: &mut SipHasher13, value: u64) {
    hash.write(&value.to_le_bytes());
}

fn address(hash: &mut SipHasher13, address: SocketAddr) {
    match address.ip() {
        IpAddr::V4(ip) => hash.write(&ip.octets()),
        IpAddr::V6(ip) => hash.write(&ip.octets()),
    }
    hash.write(&address.port().to_le_bytes());
}

const FATES: [&str; 14] = [
    "sent",
    "duplicated",
    "corrupted",
    "late",
    "replayed",
    "lost",
    "lost in a burst",
    "too large",
    "queue full",
    "path cut",
    "no such address",
    "host down",
    "socket full",
    "forged",
];

/// The place of a fate in [`FATES`].
fn fate_number(fate: Fate) -> usize {
    match fate {
        Fate::Sent => 0,
        Fate::Duplicated => 1,
        Fate::Corrupted(_) => 2,
        Fate::Late => 3,
        Fate::Replayed => 4,
        Fate::Lost => 5,
        Fate::LostInBurst => 6,
        Fate::TooLarge => 7,
        Fate::QueueFull => 8,
        Fate::Cut => 9,
        Fate::NoSuchAddress => 10,
        Fate::HostDown => 11,
        Fate::SocketFull => 12,
        Fate::Forged(_) => 13,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(data: &'static [u8], fate: Fate) -> What {
        let from = SocketAddr::from(([10, 0, 0, 1], 1));
        let to = SocketAddr::from(([10, 0, 0, 2], 2));
        What::Datagram { from, to, data: Bytes::from_static(data), fate, arrival: None }
    }

    #[test]
    fn the_hash_sees_every_difference() {
        let hash = |at: u64, what: What| {
            let mut trace = Trace::new(0);
            trace.add(Timestamp::from_nanos(at), what);
            trace.hash()
        };
        let base = hash(1, datagram(b"ab", Fate::Sent));
        assert_eq!(base, hash(1, datagram(b"ab", Fate::Sent)));
        assert_ne!(base, hash(2, datagram(b"ab", Fate::Sent)));
        assert_ne!(base, hash(1, datagram(b"ac", Fate::Sent)));
        assert_ne!(base, hash(1, datagram(b"ab", Fate::Lost)));
        assert_ne!(base, hash(1, What::Note("ab".to_owned())));
    }

    #[test]
    fn only_the_last_records_are_kept_and_the_hash_covers_all() {
        let mut trace = Trace::new(2);
        let mut other = Trace::new(2);
        for number in 0..5 {
            trace.add(Timestamp::from_nanos(number), What::Note(number.to_string()));
            other.add(Timestamp::from_nanos(number), What::Note(number.max(1).to_string()));
        }
        assert_eq!((trace.records().count(), trace.total()), (2, 5));
        assert_ne!(trace.hash(), other.hash());
        let text = trace.to_string();
        assert!(text.starts_with("(3 earlier records are not kept)\n"), "{text}");
        assert!(text.ends_with("-- 4\n"), "{text}");
    }

    #[test]
    fn a_line_names_the_hosts_the_size_and_the_fate() {
        let mut trace = Trace::new(9);
        trace.name(SocketAddr::from(([10, 0, 0, 1], 1)), "alice");
        trace.add(Timestamp::from_nanos(1_500_000), datagram(b"abc", Fate::Lost));
        let line = trace.to_string();
        assert_eq!(
            line,
            "    0.001500         alice:1 -> 10.0.0.2:2         3 B  (truncated)  LOST\n"
        );
    }
}
