//! Golden vectors: one datagram of each kind and each frame, byte by byte. Whoever changes one of
//! them changes the protocol.

use core::fmt::Write as _;
use core::time::Duration;

use super::frame::{
    self, FenceCause, PlainAnswer, ReplyCode, Request, Subject, VerdictCode, Working,
};
use super::handshake::{self, Open, Refusal, Welcome};
use super::part::Part;
use super::{Header, Kind, Role, integrity};

const NONCE: u128 = 0x0011_2233_4455_6677_8899_AABB_CCDD_EEFF;
const SESSION: u64 = 0x0102_0304_0506_0708;
const SUBJECT: Subject = Subject { lane: 0x1122, sequence: 0x2122_2324_2526_2728, attempt: 0x3132 };

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

/// Compares a datagram with its parts: what stands in front, how many zeros follow, the checksum.
#[track_caller]
fn expect(write: impl FnOnce(&mut Vec<u8>), front: &str, zeros: usize, checksum: &str) {
    let mut datagram = Vec::new();
    write(&mut datagram);
    let front: String = front.split_whitespace().collect();
    let expected = format!("{front}{}{checksum}", "00".repeat(zeros));
    assert_eq!(hex(&datagram), expected);
    assert!(Header::parse(&datagram).is_ok());
}

#[track_caller]
fn expect_frame(write: impl FnOnce(&mut Vec<u8>), expected: &str) {
    let mut out = Vec::new();
    write(&mut out);
    let expected: String = expected.split_whitespace().collect();
    assert_eq!(hex(&out), expected);
    let mut at = 0;
    if out[0] & 0x80 == 0 {
        assert!(frame::next_client_frame(&out, &mut at).is_some());
    } else {
        assert!(frame::next_server_frame(&out, &mut at).is_some());
    }
    assert_eq!(at, out.len());
}

fn cookie() -> handshake::Cookie {
    core::array::from_fn(|index| 0x40 + index as u8)
}

fn welcome() -> Welcome {
    Welcome {
        nonce: NONCE,
        session: SESSION,
        is_resumed: true,
        window: 128,
        working_delay: Duration::from_micros(1500),
        lease: Duration::from_secs(300),
        largest_request: 0x5152_5354,
        largest_reply: 0x6162_6364,
        receive_window: 0x7172_7374,
    }
}

fn frames(out: &mut Vec<u8>) {
    Header { role: Role::Client, kind: Kind::Frames, session: SESSION }.write(out);
    frame::write_probe(out, SUBJECT);
    integrity::seal(out, 0);
}

#[test]
fn hello_stays_as_it_is() {
    expect(
        |out| handshake::write_hello(out, NONCE),
        "faca01010000000000000000 00112233445566778899aabbccddeeff",
        1168,
        "2d643623",
    );
}

#[test]
fn challenge_stays_as_it_is() {
    expect(
        |out| handshake::write_challenge(out, NONCE, &cookie()),
        "faca01820000000000000000 00112233445566778899aabbccddeeff \
         404142434445464748494a4b4c4d4e4f505152535455565758595a5b",
        0,
        "33d530f6",
    );
}

#[test]
fn open_stays_as_it_is() {
    expect(
        |out| {
            let open = Open {
                nonce: NONCE,
                cookie: cookie(),
                previous: SESSION,
                largest_reply: 0x6162_6364,
                receive_window: 0x7172_7374,
            };
            handshake::write_open(out, &open);
        },
        "faca01030000000000000000 00112233445566778899aabbccddeeff \
         404142434445464748494a4b4c4d4e4f505152535455565758595a5b 0102030405060708 \
         61626364 71727374",
        1124,
        "8def65ae",
    );
}

#[test]
fn welcome_stays_as_it_is() {
    expect(
        |out| handshake::write_welcome(out, &welcome()),
        "faca01840000000000000000 00112233445566778899aabbccddeeff 0102030405060708 \
         0000000100000080 000005dc000493e0 5152535461626364 71727374",
        1132,
        "ce6b7a0b",
    );
}

#[test]
fn refused_stays_as_it_is() {
    expect(
        |out| handshake::write_refused(out, NONCE, Refusal::ShuttingDown),
        "faca01850000000000000000 00112233445566778899aabbccddeeff 00000002",
        0,
        "ca3bb205",
    );
}

#[test]
fn gone_stays_as_it_is() {
    expect(
        |out| handshake::write_hint(out, Kind::Gone, SESSION),
        "faca01860102030405060708",
        0,
        "c671b0fa",
    );
}

#[test]
fn moved_stays_as_it_is() {
    expect(
        |out| handshake::write_hint(out, Kind::Moved, SESSION),
        "faca01870102030405060708",
        0,
        "324f66b2",
    );
}

#[test]
fn version_stays_as_it_is() {
    expect(
        |out| handshake::write_version(out, NONCE),
        "faca01880000000000000000 00112233445566778899aabbccddeeff 01010000",
        0,
        "d2df9f69",
    );
}

#[test]
fn frames_stays_as_it_is() {
    expect(frames, "faca01000102030405060708 03001122313200002122232425262728", 0, "36975374");
}

fn request() -> Request {
    Request {
        interface: 0x4142_4344,
        method: 0x5152_5354,
        signature: 0x6162_6364,
        remaining: 0x7172_7374,
        body: 0..0,
    }
}

#[test]
fn the_frames_of_a_client_stay_as_they_are() {
    expect_frame(
        |out| frame::write_request(out, SUBJECT, &request(), b"abc"),
        "01001122313200132122232425262728 41424344515253546162636471727374 616263",
    );
    expect_frame(
        |out| {
            frame::write_request(
                out,
                Subject { lane: frame::ONEWAY_LANE, ..SUBJECT },
                &request(),
                &[],
            );
        },
        "0200ffff313200102122232425262728 41424344515253546162636471727374",
    );
    expect_frame(|out| frame::write_probe(out, SUBJECT), "03001122313200002122232425262728");
    expect_frame(
        |out| frame::write_fence(out, SUBJECT, FenceCause::Deadline),
        "04001122313200002122232425262728",
    );
    expect_frame(
        |out| frame::write_fence(out, SUBJECT, FenceCause::Cancelled),
        "04011122313200002122232425262728",
    );
    expect_frame(|out| frame::write_acknowledge(out, SUBJECT), "05001122313200002122232425262728");
    expect_frame(frame::write_close, "06000000000000000000000000000000");
}

const HELD: u32 = 0x8182_8384;

#[test]
fn replies_and_verdicts_stay_as_they_are() {
    expect_frame(
        |out| frame::write_reply(out, SUBJECT, HELD, ReplyCode::Result, b"abc"),
        "81001122313200072122232425262728 81828384 616263",
    );
    expect_frame(
        |out| frame::write_reply(out, SUBJECT, HELD, ReplyCode::Panicked, b"abc"),
        "81011122313200072122232425262728 81828384 616263",
    );
    expect_frame(
        |out| frame::write_reply(out, SUBJECT, HELD, ReplyCode::Dropped, b"abc"),
        "81021122313200072122232425262728 81828384 616263",
    );
    expect_frame(
        |out| frame::write_reply(out, SUBJECT, HELD, ReplyCode::TooLarge, b"abc"),
        "81031122313200072122232425262728 81828384 616263",
    );
    expect_frame(
        |out| frame::write_reply(out, SUBJECT, HELD, ReplyCode::Unencodable, b"abc"),
        "81041122313200072122232425262728 81828384 616263",
    );
    expect_frame(
        |out| frame::write_verdict(out, SUBJECT, HELD, VerdictCode::Busy, b"abc"),
        "82011122313200072122232425262728 81828384 616263",
    );
    expect_frame(
        |out| frame::write_verdict(out, SUBJECT, HELD, VerdictCode::UnknownInterface, b"abc"),
        "82021122313200072122232425262728 81828384 616263",
    );
    expect_frame(
        |out| frame::write_verdict(out, SUBJECT, HELD, VerdictCode::UnknownMethod, b"abc"),
        "82031122313200072122232425262728 81828384 616263",
    );
    expect_frame(
        |out| frame::write_verdict(out, SUBJECT, HELD, VerdictCode::SignatureMismatch, b"abc"),
        "82041122313200072122232425262728 81828384 616263",
    );
    expect_frame(
        |out| frame::write_verdict(out, SUBJECT, HELD, VerdictCode::Undecodable, b"abc"),
        "82051122313200072122232425262728 81828384 616263",
    );
    expect_frame(
        |out| frame::write_verdict(out, SUBJECT, HELD, VerdictCode::Expired, b"abc"),
        "82061122313200072122232425262728 81828384 616263",
    );
    expect_frame(
        |out| frame::write_verdict(out, SUBJECT, HELD, VerdictCode::Fenced, b"abc"),
        "82071122313200072122232425262728 81828384 616263",
    );
    expect_frame(
        |out| frame::write_verdict(out, SUBJECT, HELD, VerdictCode::ShuttingDown, b"abc"),
        "82081122313200072122232425262728 81828384 616263",
    );
    expect_frame(
        |out| frame::write_verdict(out, SUBJECT, HELD, VerdictCode::Abandoned, b"abc"),
        "820a1122313200072122232425262728 81828384 616263",
    );
    let digest = frame::digest(0x4142_4344, 0x5152_5354, 0x6162_6364, b"abc").to_be_bytes();
    expect_frame(
        |out| frame::write_verdict(out, SUBJECT, HELD, VerdictCode::Misuse, &digest),
        "82091122313200082122232425262728 81828384 e3c5df5b",
    );
}

#[test]
fn the_other_frames_of_a_server_stay_as_they_are() {
    let working = Working {
        is_running: true,
        elapsed: 0x4142_4344,
        reported: 0x5152_5354,
        position: 0x6162_6364,
        done: 0x7172_7374_7576_7778,
        total: 0x9192_9394_9596_9798,
    };
    expect_frame(
        |out| frame::write_working(out, SUBJECT, HELD, &working),
        "83011122313200202122232425262728 81828384 41424344515253546162636471727374757677789192939495969798",
    );
    expect_frame(
        |out| frame::write_plain(out, SUBJECT, HELD, PlainAnswer::NotKept),
        "84001122313200042122232425262728 81828384",
    );
    expect_frame(
        |out| frame::write_plain(out, SUBJECT, HELD, PlainAnswer::Running),
        "85001122313200042122232425262728 81828384",
    );
    expect_frame(
        |out| frame::write_plain(out, SUBJECT, HELD, PlainAnswer::Superseded),
        "86001122313200042122232425262728 81828384",
    );
    expect_frame(
        |out| frame::write_plain(out, SUBJECT, HELD, PlainAnswer::Unseen),
        "87001122313200042122232425262728 81828384",
    );
    expect_frame(
        |out| frame::write_plain(out, SUBJECT, HELD, PlainAnswer::Acknowledged),
        "88001122313200002122232425262728",
    );
}

fn part() -> Part {
    Part {
        number: 0xA1A2_A3A4_A5A6_A7A8,
        length: 0x1000_0000,
        offset: 0x0B02_0304,
        identity: 0xC1C2_C3C4,
        checksum: 0xE1E2_E3E4,
        body: 0..0,
    }
}

#[test]
fn parts_that_cannot_be_are_malformed() {
    let write = |change: fn(&mut Part), bytes: &[u8]| {
        let mut part = part();
        change(&mut part);
        let (mut request_part, mut reply_part) = (Vec::new(), Vec::new());
        frame::write_request_part(&mut request_part, SUBJECT, &request(), &part, bytes);
        frame::write_reply_part(&mut reply_part, SUBJECT, ReplyCode::Result, &part, bytes);
        let of_client = frame::next_client_frame(&request_part, &mut 0).is_some();
        let of_server = frame::next_server_frame(&reply_part, &mut 0).is_some();
        assert_eq!(of_client, of_server);
        of_client
    };
    assert!(write(|_| {}, b"abc"));
    assert!(!write(|_| {}, b""), "no bytes");
    assert!(!write(|part| part.number = 0, b"abc"));
    assert!(write(|part| part.offset = part.length - 3, b"abc"));
    assert!(!write(|part| part.offset = part.length - 2, b"abc"), "beyond the end");
    assert!(!write(|part| part.offset = u32::MAX, b"abc"));
    let arrived = |newest, bits: usize| {
        let mut out = Vec::new();
        frame::write_arrived(&mut out, Role::Client, SUBJECT, (newest, 0, 0), &vec![0; bits]);
        frame::next_client_frame(&out, &mut 0).is_some()
    };
    assert!(arrived(1, 128) && !arrived(1, 129) && !arrived(0, 0));
}

#[test]
fn the_frames_of_large_messages_stay_as_they_are() {
    expect_frame(
        |out| frame::write_request_part(out, SUBJECT, &request(), &part(), b"abc"),
        "070011223132002b2122232425262728 a1a2a3a4a5a6a7a8 10000000 0b020304 c1c2c3c4
         41424344515253546162636471727374 e1e2e3e4 616263",
    );
    expect_frame(
        |out| frame::write_reply_part(out, SUBJECT, ReplyCode::Result, &part(), b"abc"),
        "89001122313200172122232425262728 a1a2a3a4a5a6a7a8 10000000 0b020304 e1e2e3e4 616263",
    );
    let told = (0xA1A2_A3A4_A5A6_A7A8, HELD, 0x0B02_0304);
    for (role, kind) in [(Role::Client, "08"), (Role::Server, "8a")] {
        expect_frame(
            |out| frame::write_arrived(out, role, SUBJECT, told, &[0xD1, 0xD2]),
            &format!(
                "{kind}001122313200122122232425262728 a1a2a3a4a5a6a7a8 81828384 0b020304 d1d2"
            ),
        );
    }
    for (role, kind) in [(Role::Client, "09"), (Role::Server, "8b")] {
        expect_frame(
            |out| frame::write_question(out, role, SUBJECT, 0xA1A2_A3A4_A5A6_A7A8, 3),
            &format!("{kind}0011223132000b2122232425262728 a1a2a3a4a5a6a7a8 000000"),
        );
    }
}
