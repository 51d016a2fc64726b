//! Small parts of a call's life that know nothing of datagrams: when to repeat, and how often.

pub mod budget;
pub mod round_trip;
