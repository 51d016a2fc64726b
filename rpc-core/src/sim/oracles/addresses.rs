//! What a server sends to whom: no more to an address than it sent, until it has proved that it receives
//! there (S17), and never two hints for one datagram, or one as large as what caused it (S18).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::violation::{Verdict, ensure};
use crate::config::BASE_DATAGRAM_SIZE;
use crate::time::Timestamp;
use crate::wire::handshake::Cookie;

/// What went to and fro between a server and one address.
#[derive(Clone, Debug, Default)]
struct Account {
    bytes_in: u64,
    bytes_out: u64,
    packets_in: u64,
    packets_out: u64,
    is_proven: bool,
    /// Datagrams that may still cause a hint: how many of which length.
    triggers: BTreeMap<usize, u64>,
}

/// All addresses that one incarnation of a server has met.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    accounts: BTreeMap<SocketAddr, Account>,
    /// The cookies that were issued, with their nonces and when that was.
    cookies: BTreeMap<(SocketAddr, u128, Cookie), Timestamp>,
}

impl Addresses {
    /// A datagram has come; `may_be_hinted` if it is not of a known session or asks for one.
    pub(super) fn received(&mut self, from: SocketAddr, length: usize, may_be_hinted: bool) {
        let account = self.accounts.entry(from).or_default();
        account.bytes_in += length as u64;
        account.packets_in += 1;
        if may_be_hinted {
            *account.triggers.entry(length).or_default() += 1;
        }
    }

    pub(super) fn sent(&mut self, to: SocketAddr, length: usize) -> Verdict {
        let account = self.accounts.entry(to).or_default();
        account.bytes_out += length as u64;
        account.packets_out += 1;
        let Account { bytes_in, bytes_out, packets_in, packets_out, is_proven, .. } = *account;
        ensure!(
            is_proven || (bytes_out <= bytes_in && packets_out <= packets_in),
            "S17",
            "the server sent {bytes_out} bytes in {packets_out} datagrams to {to}, which had proven \
             nothing and sent {bytes_in} in {packets_in}"
        );
        Ok(())
    }

    /// A refusal is sent, or which versions the server speaks. What causes either is padded.
    pub(super) fn sent_refusal(&mut self, to: SocketAddr, length: usize) -> Verdict {
        ensure!(length < BASE_DATAGRAM_SIZE, "S18", "a refusal of {length} bytes goes to {to}");
        self.is_caused(to, length, BASE_DATAGRAM_SIZE)
    }

    /// A hint is sent.
    pub(super) fn sent_hint(&mut self, to: SocketAddr, length: usize) -> Verdict {
        self.is_caused(to, length, length + 1)
    }

    /// Something of this address that is so long has caused one answer. It is the shortest, so that what is
    /// left is enough for others.
    fn is_caused(&mut self, to: SocketAddr, length: usize, least: usize) -> Verdict {
        let account = self.accounts.entry(to).or_default();
        let cause = account.triggers.range_mut(least..).find(|(_, count)| **count > 0);
        let is_caused = cause.map(|(_, count)| *count -= 1).is_some();
        ensure!(
            is_caused,
            "S18",
            "{length} bytes go to {to}, which sent nothing larger to cause them"
        );
        Ok(())
    }

    pub(super) fn issued(&mut self, to: SocketAddr, nonce: u128, cookie: Cookie, now: Timestamp) {
        self.cookies.entry((to, nonce, cookie)).or_insert(now);
    }

    /// When this cookie was issued to this address for this nonce.
    pub(super) fn issued_at(
        &self,
        from: SocketAddr,
        nonce: u128,
        cookie: Cookie,
    ) -> Option<Timestamp> {
        self.cookies.get(&(from, nonce, cookie)).copied()
    }

    pub(super) fn prove(&mut self, address: SocketAddr) {
        self.accounts.entry(address).or_default().is_proven = true;
    }
}
