//! One datagram of every kind, and one with every frame: for tests that must leave none out, and for the
//! attackers of the simulator.

use core::time::Duration;

use super::frame::{
    self, FenceCause, ONEWAY_LANE, PlainAnswer, ReplyCode, Request, Subject, VerdictCode, Working,
};
use super::handshake::{self, COOKIE_LENGTH, Open, Refusal, Welcome};
use super::part::Part;
use super::{Header, Kind, Role, integrity};

/// What the datagrams are about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    /// The session of frames and hints, and the one that an OPEN resumes.
    pub(crate) session: u64,
    /// The call of frames.
    pub(crate) subject: Subject,
    /// The interface, the method and the hash of the signature of requests.
    pub(crate) method: (u32, u32, u32),
    /// The nonce of a handshake.
    pub(crate) nonce: u128,
    /// Its cookie.
    pub(crate) cookie: [u8; COOKIE_LENGTH],
}

impl About {
    /// A call of this session, with values that are well formed and nobody's.
    pub(crate) fn session(session: u64) -> Self {
        Self {
            session,
            subject: Subject { lane: 3, sequence: 1 << 40, attempt: 1 },
            method: (7, 1, 99),
            nonce: 5,
            cookie: [1; COOKIE_LENGTH],
        }
    }

    fn request(&self) -> Request {
        let (interface, method, signature) = self.method;
        Request { interface, method, signature, remaining: 1000, body: 0..0 }
    }
}

type Write<'a> = &'a dyn Fn(&mut Vec<u8>);

/// A datagram with frames of this role.
pub(crate) fn frames(role: Role, session: u64, write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    Header { role, kind: Kind::Frames, session }.write(&mut out);
    write(&mut out);
    integrity::seal(&mut out, 0);
    out
}

fn message(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

/// One datagram with each frame that a client can send. The last has a CLOSE.
pub(crate) fn client_frames(about: &About) -> Vec<Vec<u8>> {
    let (subject, request) = (about.subject, about.request());
    let part = Part { number: 1, length: 5000, offset: 0, identity: 9, checksum: 9, body: 0..0 };
    let frame_writers: [Write<'_>; 9] = [
        &|out| frame::write_request(out, subject, &request, b"x"),
        &|out| {
            let subject = Subject { lane: ONEWAY_LANE, ..subject };
            frame::write_request(out, subject, &request, b"x");
        },
        &|out| frame::write_probe(out, subject),
        &|out| frame::write_fence(out, subject, FenceCause::Cancelled),
        &|out| frame::write_acknowledge(out, subject),
        &|out| frame::write_request_part(out, subject, &request, &part, &[7; 1000]),
        &|out| frame::write_arrived(out, Role::Client, subject, (3, 9, u32::MAX), &[3]),
        &|out| frame::write_question(out, Role::Client, subject, 1, 100),
        &frame::write_close,
    ];
    frame_writers.iter().map(|write| frames(Role::Client, about.session, write)).collect()
}

/// One datagram with each frame that a server can send.
pub(crate) fn server_frames(about: &About) -> Vec<Vec<u8>> {
    let subject = about.subject;
    let working =
        Working { is_running: true, elapsed: 1, reported: 2, position: 0, done: 3, total: 4 };
    let part = Part { number: 1, length: 5000, offset: 0, identity: 0, checksum: 9, body: 0..0 };
    let plain = |answer| move |out: &mut Vec<u8>| frame::write_plain(out, subject, 9, answer);
    let frame_writers: [Write<'_>; 11] = [
        &|out| frame::write_reply(out, subject, 9, ReplyCode::Result, b"forged"),
        &|out| frame::write_verdict(out, subject, 9, VerdictCode::Busy, &[0, 0, 0, 1]),
        &|out| frame::write_working(out, subject, 9, &working),
        &plain(PlainAnswer::NotKept),
        &plain(PlainAnswer::Running),
        &plain(PlainAnswer::Superseded),
        &plain(PlainAnswer::Unseen),
        &plain(PlainAnswer::Acknowledged),
        &|out| frame::write_reply_part(out, subject, ReplyCode::Result, &part, &[7; 1000]),
        &|out| frame::write_arrived(out, Role::Server, subject, (3, 9, u32::MAX), &[3]),
        &|out| frame::write_question(out, Role::Server, subject, 1, 100),
    ];
    frame_writers.iter().map(|write| frames(Role::Server, about.session, write)).collect()
}

/// A datagram of this kind that is no datagram of frames.
fn handshake_message(kind: Kind, about: &About) -> Vec<u8> {
    let &About { session, nonce, cookie, .. } = about;
    let open =
        Open { nonce, cookie, previous: session, largest_reply: 100_000, receive_window: 100_000 };
    let welcome = Welcome {
        nonce,
        session: session.max(1),
        is_resumed: false,
        window: 4,
        working_delay: Duration::from_millis(1),
        lease: Duration::from_secs(300),
        largest_request: 100_000,
        largest_reply: 100_000,
        receive_window: 100_000,
    };
    message(|out| match kind {
        Kind::Frames => unreachable!("frames are written one by one"),
        Kind::Hello => handshake::write_hello(out, nonce),
        Kind::Challenge => handshake::write_challenge(out, nonce, &cookie),
        Kind::Open => handshake::write_open(out, &open),
        Kind::Welcome => handshake::write_welcome(out, &welcome),
        Kind::Refused => handshake::write_refused(out, nonce, Refusal::Full),
        Kind::Gone | Kind::Moved => handshake::write_hint(out, kind, session),
        Kind::Version => handshake::write_version(out, nonce),
    })
}

/// One datagram of every kind but those with frames, and a HELLO of another version.
pub(crate) fn messages(about: &About) -> Vec<Vec<u8>> {
    let kinds = (1..=u8::MAX).filter_map(Kind::from_bits);
    let mut datagrams: Vec<_> = kinds.map(|kind| handshake_message(kind, about)).collect();
    // It is answered although its checksum cannot be verified.
    let mut foreign = message(|out| handshake::write_hello(out, about.nonce));
    foreign[2] = super::VERSION.wrapping_add(1);
    datagrams.push(foreign);
    datagrams
}

/// One datagram of every kind that either role can send, with every frame.
pub(crate) fn all(about: &About) -> Vec<Vec<u8>> {
    let mut datagrams = client_frames(about);
    datagrams.extend(server_frames(about));
    datagrams.extend(messages(about));
    datagrams
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::HEADER_LENGTH;
    use crate::wire::frame::{next_client_frame, next_server_frame};

    #[test]
    fn every_kind_of_datagram_and_every_frame_is_there_and_well_formed() {
        let (mut kinds, mut frame_kinds) = (Vec::new(), Vec::new());
        for datagram in all(&About::session(8)) {
            let Ok((header, body)) = Header::parse(&datagram) else { continue };
            kinds.push(header.kind as u8);
            if header.kind != Kind::Frames {
                continue;
            }
            frame_kinds.push(datagram[HEADER_LENGTH]);
            let mut at = 0;
            match header.role {
                Role::Client => assert!(next_client_frame(body, &mut at).is_some(), "{header:?}"),
                Role::Server => assert!(next_server_frame(body, &mut at).is_some(), "{header:?}"),
            }
            assert_eq!(at, body.len());
        }
        kinds.sort_unstable();
        kinds.dedup();
        let all_kinds = (0..=u8::MAX).filter(|&bits| Kind::from_bits(bits).is_some());
        assert_eq!(kinds, all_kinds.collect::<Vec<u8>>());
        frame_kinds.sort_unstable();
        let mut all_frames = frame::kind::ALL.to_vec();
        all_frames.sort_unstable();
        assert_eq!(frame_kinds, all_frames);
    }
}
