//! Reading a client's ledger while it grows: does the client get anywhere?

use core::time::Duration;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use crate::record::{self, Event};

/// What the ledger of one client process says so far.
#[derive(Debug)]
pub(crate) struct Progress {
    path: PathBuf,
    read: u64,
    /// Calls that ended in any way.
    pub(crate) ended: u64,
    /// Calls that returned a result.
    pub(crate) replied: u64,
    /// How long everything was up without a result.
    pub(crate) stalled: Duration,
    /// The first call that was begun after this time.
    healing: Option<(u64, Option<u64>)>,
    /// When such a call returned a result.
    pub(crate) recovered_at: Option<u64>,
}

impl Progress {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            read: 0,
            ended: 0,
            replied: 0,
            stalled: Duration::ZERO,
            healing: None,
            recovered_at: None,
        }
    }

    /// That of the next process of this client. A client whose processes are killed before any of them
    /// gets a result makes no progress either.
    pub(crate) fn of_the_next(&self, path: PathBuf) -> Self {
        Self { stalled: self.stalled, ..Self::new(path) }
    }

    /// From this time on nothing goes wrong any more.
    pub(crate) fn heal(&mut self, time: u64) {
        self.healing = Some((time, None));
    }

    /// Reads on. `passed` is the time since the last look in which everything was up.
    pub(crate) fn look(&mut self, passed: Duration) -> Result<(), String> {
        let replied = self.replied;
        // It may not have begun to write.
        let Ok(mut file) = File::open(&self.path) else { return Ok(()) };
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(self.read))
            .and_then(|_| file.read_to_end(&mut bytes))
            .map_err(|error| error.to_string())?;
        let (records, used) = record::parse(&bytes)?;
        self.read += used as u64;
        for record in records {
            if let (Event::Begun, Some((since, first @ None))) = (record.event, &mut self.healing)
                && record.time >= *since
            {
                *first = Some(record.id);
            }
            self.ended += u64::from(!matches!(record.event, Event::Begun));
            if record.event == Event::Replied {
                self.replied += 1;
                let first = self.healing.and_then(|(_, first)| first);
                if self.recovered_at.is_none() && first.is_some_and(|first| record.id >= first) {
                    self.recovered_at = Some(record.time);
                }
            }
        }
        self.stalled = if self.replied > replied { Duration::ZERO } else { self.stalled + passed };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::record::{Ledger, Record};

    #[test]
    fn a_client_that_gets_no_results_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ledger");
        let mut progress = Progress::new(path.clone());
        let second = Duration::from_secs(1);
        let ledger = Ledger::open(&path).unwrap();
        let write = |event, id| ledger.write(&Record::new(event, 0, id, 0));
        write(Event::Begun, 0);
        write(Event::Unknown, 0);
        progress.look(second).unwrap();
        assert_eq!((progress.ended, progress.stalled), (1, second), "an error is no progress");
        write(Event::Begun, 1);
        progress.look(second).unwrap();
        assert_eq!(progress.stalled, second * 2);
        write(Event::Replied, 1);
        progress.look(second).unwrap();
        assert_eq!((progress.replied, progress.stalled), (1, Duration::ZERO));

        // Only a call that was begun after the end of all disasters shows that they are over.
        write(Event::Begun, 2);
        progress.look(second).unwrap();
        progress.heal(clock::now());
        write(Event::Replied, 2);
        progress.look(second).unwrap();
        assert_eq!(progress.recovered_at, None);
        write(Event::Begun, 3);
        write(Event::Replied, 3);
        progress.look(second).unwrap();
        assert!(progress.recovered_at.is_some());
    }
}
