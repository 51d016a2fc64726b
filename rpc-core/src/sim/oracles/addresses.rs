//! What a server sends to whom: no more to an address than it sent, until it has proved that it receives
//! there (S17), and never two hints for one datagram, or one as large as what caused it (S18).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::violation::{Verdict, ensure};
use crate::time::Timestamp;
use crate::wire::handshake::Cookie;

/// What went to and fro between a server and one address.
#[derive(Clone, Copy, Debug)]
struct Account {
    bytes_in: u64,
    bytes_out: u64,
    packets_in: u64,
    packets_out: u64,
    is_proven: bool,
    /// Datagrams that may cause a hint, less the hints, and the smallest of them.
    triggers: u64,
    smallest: usize,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            bytes_in: 0,
            bytes_out: 0,
            packets_in: 0,
            packets_out: 0,
            is_proven: false,
            triggers: 0,
            smallest: usize::MAX,
        }
    }
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
            account.triggers += 1;
            account.smallest = account.smallest.min(length);
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

    /// A hint or a refusal is sent.
    pub(super) fn sent_hint(&mut self, to: SocketAddr, length: usize) -> Verdict {
        let account = self.accounts.entry(to).or_default();
        ensure!(account.triggers > 0, "S18", "a hint goes to {to}, which did nothing to cause it");
        account.triggers -= 1;
        let smallest = account.smallest;
        ensure!(
            length < smallest,
            "S18",
            "a hint of {length} bytes goes to {to}, which may have sent {smallest} to cause it"
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
