//! The attribute and derive macros of farcall.
