//! An invariant that does not hold.

use core::fmt;

/// An invariant that does not hold: its id and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sim) struct Violation {
    id: &'static str,
    sentence: String,
}

/// What an oracle says.
pub(in crate::sim) type Verdict = Result<(), Violation>;

impl Violation {
    pub(super) fn new(id: &'static str, sentence: String) -> Self {
        Self { id, sentence }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.id, self.sentence)
    }
}

/// Returns a violation of the invariant with this id, unless the condition holds.
macro_rules! ensure {
    ($holds:expr, $id:literal, $($sentence:tt)+) => {
        if !$holds {
            return Err($crate::sim::oracles::violation::Violation::new(
                $id,
                format!($($sentence)+),
            ));
        }
    };
}

pub(super) use ensure;
