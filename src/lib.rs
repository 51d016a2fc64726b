//! Remote procedure calls over UDP that run at most once.
