//! Every received datagram is counted once: as accepted, or under the reason for which it was dropped.

use super::*;
use crate::statistics::Received;

/// One that is sealed, and whole but for its body.
fn sealed(role: Role, kind: Kind, session: u64, body: &[u8]) -> Bytes {
    let mut out = Vec::new();
    Header { role, kind, session }.write(&mut out);
    out.extend_from_slice(body);
    integrity::seal(&mut out, 0);
    Bytes::from(out)
}

/// What a handshake writes.
fn written(write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut out = Vec::new();
    write(&mut out);
    Bytes::from(out)
}

#[track_caller]
fn assert_counted(before: &Received, after: &Received, expected: Option<DropReason>) {
    assert_eq!(after.datagrams, before.datagrams + 1);
    assert_eq!(after.datagrams, after.accepted + after.dropped_total());
    assert_eq!(after.accepted - before.accepted, u64::from(expected.is_none()));
    for reason in DropReason::ALL {
        let moved = after.dropped(*reason) - before.dropped(*reason);
        assert_eq!(moved, u64::from(expected == Some(*reason)), "{reason:?}, not {expected:?}");
    }
}

impl Pair {
    /// The server receives this from `from`.
    #[track_caller]
    fn server_counts(&mut self, from: SocketAddr, datagram: &Bytes, expected: Option<DropReason>) {
        let before = self.server.statistics().received;
        self.server.handle_datagram(self.now(), from, None, datagram);
        assert_counted(&before, &self.server.statistics().received, expected);
    }

    /// The client receives this from `from`.
    #[track_caller]
    fn client_counts(&mut self, from: SocketAddr, datagram: &Bytes, expected: Option<DropReason>) {
        let before = self.client.statistics().received;
        self.client.handle_datagram(self.now(), from, None, datagram);
        assert_counted(&before, &self.client.statistics().received, expected);
    }
}

/// What is wrong before anybody looks at what it is for.
fn broken(role: Role, session: u64) -> [(Bytes, DropReason); 5] {
    let whole = sealed(role, Kind::Frames, session, &[]);
    let mut corrupt = whole.to_vec();
    corrupt[5] ^= 1;
    let foreign = Bytes::from_static(b"GET / HTTP/1.1 and so on");
    let mut newer = whole.to_vec();
    newer[2] = 9;
    [
        (whole.slice(..10), DropReason::Truncated),
        (foreign, DropReason::WrongMagic),
        (Bytes::from(newer), DropReason::WrongVersion),
        (Bytes::from(corrupt), DropReason::Corrupt),
        (sealed(role, Kind::Frames, session, &[0x7f; 16]), DropReason::Malformed),
    ]
}

#[test]
fn a_server_counts_every_reason() {
    let config =
        ServerConfig { maximum_sessions: 4, handshakes_per_second: 1, ..ServerConfig::default() };
    let mut pair = Pair::with(ClientConfig::default(), config);
    pair.open();
    let session = pair.session_id();
    let (client, stranger) = (pair.client_address, "192.0.2.99:9".parse().unwrap());

    for (datagram, reason) in broken(Role::Client, session) {
        pair.server_counts(client, &datagram, Some(reason));
    }
    let probe = |subject| move |out: &mut Vec<u8>| frame::write_probe(out, subject);
    let subject = Subject { lane: 0, sequence: 1, attempt: 1 };
    let good = pair.datagram(session, probe(subject));
    pair.server_counts(client, &good, None);
    pair.server_counts(stranger, &good, Some(DropReason::UnprovenAddress));
    let unknown = pair.datagram(session ^ 1, probe(subject));
    pair.server_counts(client, &unknown, Some(DropReason::UnknownSession));
    let reply = sealed(Role::Server, Kind::Frames, session, &[]);
    pair.server_counts(client, &reply, Some(DropReason::WrongRole));
    let open =
        Open { nonce: 5, cookie: [1; 28], previous: 0, largest_reply: 1000, receive_window: 1000 };
    let forged = written(|out| messages::write_open(out, &open));
    pair.server_counts(stranger, &forged, Some(DropReason::BadCookie));

    // A source may open so many sessions a second, and all together may be so many.
    let mut found = Vec::new();
    for host in 1..=20_u8 {
        let source: SocketAddr =
            format!("198.51.100.{}:7", if host < 10 { 1 } else { host }).parse().unwrap();
        let open = pair.proven_open(source, host.into());
        let before = pair.server.statistics().received;
        pair.server.handle_datagram(pair.now(), source, None, &open);
        let after = pair.server.statistics().received;
        let is_moved = |reason: &DropReason| after.dropped(*reason) != before.dropped(*reason);
        let reason = DropReason::ALL.iter().copied().find(is_moved);
        assert_counted(&before, &after, reason);
        found.push(reason);
    }
    for reason in [None, Some(DropReason::RateLimited), Some(DropReason::SessionLimit)] {
        assert!(found.contains(&reason), "{reason:?} is not among {found:?}");
    }
}

impl Pair {
    /// An OPEN with a cookie that the server has just given to this address.
    fn proven_open(&mut self, from: SocketAddr, nonce: u128) -> Bytes {
        let now = self.now();
        let hello = written(|out| messages::write_hello(out, nonce));
        self.server.handle_datagram(now, from, None, &hello);
        let (mut out, mut cookie) = (Vec::new(), None);
        while let Some(transmit) = self.server.poll_transmit(now, &mut out) {
            if transmit.to == from {
                let start = out.len() - transmit.length;
                let (_, body) = Header::parse(&out[start..]).unwrap();
                cookie = messages::parse_challenge(body);
            }
        }
        let (_, cookie) = cookie.expect("the server answers a HELLO");
        written(|out| {
            messages::write_open(
                out,
                &Open { nonce, cookie, previous: 0, largest_reply: 1000, receive_window: 1000 },
            );
        })
    }
}

#[test]
fn a_client_counts_every_reason() {
    let mut pair = Pair::new();
    pair.open();
    let session = pair.session_id();
    let (server, stranger) = (pair.server_address, "192.0.2.99:9".parse().unwrap());

    for (datagram, reason) in broken(Role::Server, session) {
        pair.client_counts(server, &datagram, Some(reason));
    }
    let good = sealed(Role::Server, Kind::Frames, session, &[]);
    pair.client_counts(stranger, &good, Some(DropReason::WrongAddress));
    let unknown = sealed(Role::Server, Kind::Frames, session ^ 1, &[]);
    pair.client_counts(server, &unknown, Some(DropReason::UnknownSession));
    let request = sealed(Role::Client, Kind::Frames, session, &[]);
    pair.client_counts(server, &request, Some(DropReason::WrongRole));
    let challenge = written(|out| messages::write_challenge(out, 77, &[1; 28]));
    pair.client_counts(server, &challenge, Some(DropReason::StaleHandshake));
    let refused = written(|out| messages::write_refused(out, 77, messages::Refusal::Full));
    pair.client_counts(server, &refused, Some(DropReason::StaleHandshake));
    pair.client_counts(server, &good, None);
}
