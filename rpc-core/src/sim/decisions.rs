//! The decisions of one run, written down.

use core::fmt;
use core::str::FromStr;
use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::random::Stream;

/// Every decision of a run, as a list that can be kept, read and changed.
///
/// The text form has one line for the seed and one for each stream of decisions, which names those
/// that are not zero by their place: `link 0 1: 17=8000000000000000`. It can be parsed again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    seed: u64,
    streams: BTreeMap<Stream, Vec<u64>>,
}

impl Decisions {
    /// The seed of the run: identifiers and secrets follow from it.
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// One decision; zero if the list has none.
    pub(super) fn get(&self, stream: Stream, place: usize) -> u64 {
        self.streams.get(&stream).and_then(|list| list.get(place)).copied().unwrap_or(0)
    }

    /// How many decisions are not zero: how far the run departs from the ordinary.
    pub fn count(&self) -> usize {
        self.places().count()
    }

    /// Where the decisions are that are not zero.
    pub(super) fn places(&self) -> impl Iterator<Item = (Stream, usize)> {
        self.streams.iter().flat_map(|(stream, list)| {
            let places = list.iter().enumerate().filter(|(_, value)| **value != 0);
            places.map(|(place, _)| (*stream, place))
        })
    }

    /// The same with these decisions undone.
    pub(super) fn without(&self, places: &[(Stream, usize)]) -> Self {
        let mut less = self.clone();
        for (stream, place) in places {
            if let Some(value) = less.streams.get_mut(stream).and_then(|list| list.get_mut(*place))
            {
                *value = 0;
            }
        }
        less
    }
}

impl fmt::Display for Decisions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}", self.seed)?;
        let mut open = None;
        for (stream, place) in self.places() {
            if open != Some(stream) {
                write!(f, "\n{stream}:")?;
                open = Some(stream);
            }
            write!(f, " {place}={:x}", self.get(stream, place))?;
        }
        writeln!(f)
    }
}

impl FromStr for Decisions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut decisions = Self::default();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            decisions.read(line).ok_or_else(|| format!("not a line of decisions: {line}"))?;
        }
        Ok(decisions)
    }
}

/// The place of a decision in a list that was written by hand may be wrong by this much, not more.
const MOST_PLACES: usize = 1 << 24;

impl Decisions {
    fn read(&mut self, line: &str) -> Option<()> {
        if let Some(seed) = line.strip_prefix("seed ") {
            self.seed = seed.parse().ok()?;
            return Some(());
        }
        let (stream, values) = line.split_once(':')?;
        let list = self.streams.entry(stream.parse().ok()?).or_default();
        for value in values.split_whitespace() {
            let (place, value) = value.split_once('=')?;
            let place: usize = place.parse().ok().filter(|place| *place < MOST_PLACES)?;
            if list.len() <= place {
                list.resize(place + 1, 0);
            }
            list[place] = u64::from_str_radix(value, 16).ok()?;
        }
        Some(())
    }
}

/// Decisions that are being written down: a list for each stream.
#[derive(Debug, Default)]
pub(super) struct Recording {
    lists: BTreeMap<Stream, Arc<Mutex<Vec<u64>>>>,
}

impl Recording {
    /// The list of this stream, to be written by whoever draws from it.
    pub(super) fn list(&mut self, stream: Stream) -> Arc<Mutex<Vec<u64>>> {
        Arc::clone(self.lists.entry(stream).or_default())
    }

    pub(super) fn decisions(&self, seed: u64) -> Decisions {
        let streams = self.lists.iter().map(|(stream, list)| (*stream, list.lock().clone()));
        Decisions { seed, streams: streams.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reads_as_it_was_written() {
        let text = "seed 9\nlink 0 1: 2=ff 4=1\nscenario 3 0: 0=8000000000000000\n";
        let decisions: Decisions = text.parse().expect("it is well formed");
        assert_eq!((decisions.to_string(), decisions.count()), (text.to_owned(), 3));
        let commented = format!("# a remark\n\n{text}");
        assert_eq!(commented.parse(), Ok(decisions));
    }

    #[test]
    fn a_wrong_line_is_named() {
        for line in
            ["link 0: 1=1", "nothing", "link 0 1: 1", "moon 0 1: 1=1", "link 0 1: 99999999=1"]
        {
            let error = line.parse::<Decisions>().expect_err("it is malformed");
            assert!(error.ends_with(line), "{error}");
        }
    }
}
