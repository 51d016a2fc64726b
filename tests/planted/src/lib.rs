//! Bugs that the tests must find.
//!
//! Each file in `patches` is one bug: a few lines that say what it is, where bugs like it were found,
//! and which command must fail with it, then a diff against the tree. The command of this package
//! applies one after the other to a copy of the tree and demands that its tests fail: see
//! [`Plantation`].

mod bug;
mod plantation;

pub use bug::{Bug, all, root};
pub use plantation::{Ending, Plantation};
