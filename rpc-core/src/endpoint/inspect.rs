//! What the inspection of both endpoints needs. It exists for tests and the simulator only.
#![cfg_attr(not(feature = "sim"), allow(dead_code, reason = "tests alone use a part"))]

use core::fmt::{self, Write as _};
use core::hash::Hasher as _;

use siphasher::sip::SipHasher13;

use super::Machine;
use crate::statistics::Received;

/// What an observer asks of either endpoint.
pub(crate) trait Inspect: Machine {
    /// The counters of received datagrams.
    fn received(&self) -> &Received;

    /// About how many bytes of messages it holds.
    fn weight(&self) -> usize;

    /// A hash over the whole state but for the counters of statistics.
    fn digest(&self) -> u64;
}

/// What an audit finds.
#[derive(Default)]
pub(super) struct Faults(Vec<String>);

impl Faults {
    pub(super) fn into_sentences(self) -> Vec<String> {
        self.0
    }

    pub(super) fn add(&mut self, sentence: String) {
        self.0.push(sentence);
    }

    pub(super) fn equal(&mut self, what: &str, counted: usize, there: usize) {
        if counted != there {
            self.0.push(format!("{what}: {counted} are counted and {there} are there"));
        }
    }

    pub(super) fn at_most(&mut self, what: &str, there: usize, most: usize) {
        if there > most {
            self.0.push(format!("{what}: there are {there} and may be {most}"));
        }
    }

    pub(super) fn require(&mut self, holds: bool, what: &str) {
        if !holds {
            self.0.push(what.to_owned());
        }
    }
}

/// Hashes what is printed to it.
pub(super) struct Hashed(SipHasher13);

impl Default for Hashed {
    fn default() -> Self {
        Self(SipHasher13::new_with_keys(0, 0))
    }
}

impl Hashed {
    pub(super) fn finish(self) -> u64 {
        self.0.finish()
    }

    pub(super) fn add(&mut self, part: &dyn fmt::Debug) {
        write!(self, "{part:?};").expect("a hash takes everything");
    }
}

impl fmt::Write for Hashed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}
