//! The ledgers: what each process did, written so that a kill cannot take it back.
//!
//! A record has a fixed size that divides a page, and goes to the file in one `write` in append mode,
//! without a buffer in the process. Once the call of `write` has returned, the record belongs to the
//! system, and SIGKILL of the process changes nothing about it. A write that is cut by a kill is cut
//! at the end of a page, which is the end of a record.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use crate::clock;

/// The size of a record in a file.
pub(crate) const LENGTH: usize = 32;

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// Client: the call is about to be made.
    Begun,
    /// Server: the handler was entered; the value is the digest that is in its reply.
    Ran,
    /// Client: the call returned; the value is the digest in the reply.
    Replied,
    /// Client: the reply is not the one to this call's arguments.
    WrongReply,
    /// Client: an error that says `NotExecuted`.
    NotExecuted,
    /// Client: an error that says `Executed`.
    Executed,
    /// Client: an error that says `Unknown`.
    Unknown,
    /// Client: nobody will be told: the call was dropped, detached, or one-way.
    Untold,
}

impl Event {
    const ALL: [Self; 8] = [
        Self::Begun,
        Self::Ran,
        Self::Replied,
        Self::WrongReply,
        Self::NotExecuted,
        Self::Executed,
        Self::Unknown,
        Self::Untold,
    ];
}

/// One line of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) event: Event,
    /// The method's number when a call begins or runs, the reason's when it fails.
    pub(crate) detail: u8,
    pub(crate) id: u64,
    pub(crate) value: u64,
    /// When it was written.
    pub(crate) time: u64,
}

impl Record {
    pub(crate) fn new(event: Event, detail: u8, id: u64, value: u64) -> Self {
        Self { event, detail, id, value, time: clock::now() }
    }

    fn encode(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[0] = self.event as u8;
        bytes[1] = self.detail;
        bytes[8..16].copy_from_slice(&self.id.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.value.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.time.to_le_bytes());
        let check = check(&bytes);
        bytes[4..8].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    fn decode(bytes: &[u8; LENGTH]) -> Option<Self> {
        let word = |at: usize| {
            let mut word = [0; 8];
            word.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(word)
        };
        let mut plain = *bytes;
        plain[4..8].fill(0);
        (check(&plain).to_le_bytes() == bytes[4..8]).then_some(())?;
        Some(Self {
            event: *Event::ALL.get(usize::from(bytes[0]))?,
            detail: bytes[1],
            id: word(8),
            value: word(16),
            time: word(24),
        })
    }
}

/// FNV-1a, so that a damaged ledger is not taken for a broken promise.
fn check(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// A file that one process appends to, from any of its threads.
#[derive(Debug)]
pub(crate) struct Ledger(File);

impl Ledger {
    /// Opens it for appending.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        OpenOptions::new().create(true).append(true).open(path).map(Self)
    }

    /// Writes a record. When this has returned, the record survives the process.
    ///
    /// # Panics
    /// If it cannot be written: a process that cannot keep its ledger must not go on.
    pub(crate) fn write(&self, record: &Record) {
        (&self.0).write_all(&record.encode()).expect("the ledger can be written");
    }
}

/// The records in `bytes`, which begin where a record does, and how many bytes they take. A record that
/// is not whole yet at the end is left for the next time.
pub(crate) fn parse(bytes: &[u8]) -> Result<(Vec<Record>, usize), String> {
    let (whole, _) = bytes.as_chunks::<LENGTH>();
    let records = whole.iter().enumerate().map(|(index, bytes)| {
        Record::decode(bytes).ok_or_else(|| format!("record {index} is damaged"))
    });
    Ok((records.collect::<Result<_, _>>()?, whole.len() * LENGTH))
}

/// All records of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<Record>, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (records, used) = parse(&bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    if used != bytes.len() {
        return Err(format!("{}: the last record is cut", path.display()));
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_from_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger");
        let records: Vec<_> = Event::ALL
            .iter()
            .zip(0..)
            .map(|(&event, index)| Record::new(event, index, u64::MAX - u64::from(index), 7))
            .collect();
        for record in &records {
            // Each by a process of its own, so to speak.
            Ledger::open(&path).unwrap().write(record);
        }
        assert_eq!(read(&path).unwrap(), records);
    }

    #[test]
    fn damage_is_noticed() {
        let bytes = Record::new(Event::Ran, 1, 2, 3).encode();
        for bit in 0..LENGTH * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(parse(&damaged).is_err(), "bit {bit}");
        }
        assert_eq!(parse(&bytes[..LENGTH - 1]).unwrap(), (Vec::new(), 0));
    }
}
