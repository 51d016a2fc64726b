//! The encoding: XDR (RFC 4506).
