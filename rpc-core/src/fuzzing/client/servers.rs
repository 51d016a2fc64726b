//! Servers that answer honestly as a rule, and say anything now and then.

use core::time::Duration;

use super::super::input::Input;
use crate::wire::frame::{
    self, ClientFrame, PlainAnswer, ReplyCode, Subject, VerdictCode, Working, next_client_frame,
};
use crate::wire::handshake::{self as messages, Open, Refusal, Welcome};
use crate::wire::part::Part;
use crate::wire::{Header, Kind, Role, integrity};

/// All of them, as if they were one.
#[derive(Default)]
pub(super) struct Servers {
    /// The present session.
    pub(super) session: u64,
    sessions: u64,
    /// The number of the last datagram with a part.
    number: u64,
}

impl Servers {
    /// The answer to a datagram of the client's.
    pub(super) fn answer(&mut self, input: &mut Input<'_>, asked: &[u8]) -> Vec<u8> {
        let Ok((header, body)) = Header::parse(asked) else { unreachable!("it was checked") };
        let mut out = Vec::new();
        match header.kind {
            Kind::Hello => {
                let nonce = messages::parse_hello(body).expect("it is well formed");
                match input.u8() {
                    0xF0..=0xFF => messages::write_version(&mut out, nonce),
                    fill => messages::write_challenge(&mut out, nonce, &[fill; 28]),
                }
            }
            Kind::Open => {
                let open = messages::parse_open(body).expect("it is well formed");
                self.welcome(input, &open, &mut out);
            }
            _ => {
                Header { role: Role::Server, kind: Kind::Frames, session: header.session }
                    .write(&mut out);
                let empty = out.len();
                let mut at = 0;
                while let Some(frame) = next_client_frame(body, &mut at) {
                    self.answer_frame(input, &frame, &mut out);
                }
                if out.len() == empty {
                    out.clear();
                    let kind = input.pick(&[Kind::Gone, Kind::Moved]);
                    messages::write_hint(&mut out, kind, header.session);
                } else {
                    integrity::seal(&mut out, 0);
                }
            }
        }
        out
    }

    fn welcome(&mut self, input: &mut Input<'_>, open: &Open, out: &mut Vec<u8>) {
        let how = input.u8();
        if how >= 0xF8 {
            let refusal = input.pick(&[Refusal::Full, Refusal::ShuttingDown]);
            return messages::write_refused(out, open.nonce, refusal);
        }
        let is_resumed = how & 1 == 0 && open.previous != 0;
        if is_resumed {
            self.session = open.previous;
        } else {
            self.sessions += 1;
            self.session = self.sessions << 32 | 5;
        }
        let welcome = Welcome {
            nonce: open.nonce,
            session: self.session,
            is_resumed,
            window: input.pick(&[4, 4, 1, 128]),
            working_delay: Duration::from_micros(300),
            lease: Duration::from_secs(input.pick(&[300, 300, 1, 0])),
            largest_request: input.pick(&[1 << 20, 1 << 20, 100]),
            largest_reply: 1 << 20,
            receive_window: input.pick(&[1 << 20, 5000]),
        };
        messages::write_welcome(out, &welcome);
    }

    fn answer_frame(&mut self, input: &mut Input<'_>, asked: &ClientFrame, out: &mut Vec<u8>) {
        match asked {
            ClientFrame::Request(subject, _)
            | ClientFrame::Probe(subject)
            | ClientFrame::Fence(subject, _) => self.answer_call(input, *subject, out),
            ClientFrame::Acknowledge(subject) => {
                frame::write_plain(out, *subject, 0, PlainAnswer::Acknowledged);
            }
            ClientFrame::Part(subject, _, part) => {
                let limit = input.pick(&[u32::MAX, 1 << 20, 0]);
                let told = (part.number, 0, limit);
                frame::write_arrived(out, Role::Server, *subject, told, &[0xFF; 16]);
            }
            ClientFrame::Question(subject, number) => {
                let told = (*number, 0, u32::MAX);
                frame::write_arrived(out, Role::Server, *subject, told, &[0xFF; 16]);
            }
            ClientFrame::Arrived(subject, _) if input.bool() => {
                self.write_part(input, *subject, out);
            }
            ClientFrame::Arrived(..) | ClientFrame::Oneway(..) | ClientFrame::Close => {}
        }
    }

    fn answer_call(&mut self, input: &mut Input<'_>, mut subject: Subject, out: &mut Vec<u8>) {
        let held = input.pick(&[0, 100, u32::MAX]);
        let what = input.u8();
        if what & 0x80 != 0 {
            // About something else, which it may have asked about before.
            subject.sequence =
                (subject.sequence + u64::from(what >> 4 & 3)).saturating_sub(2).max(1);
            subject.attempt = subject.attempt.wrapping_add(u16::from(input.u8()));
        }
        match what & 0x0F {
            0..=3 => {
                let codes =
                    [ReplyCode::Result, ReplyCode::Result, ReplyCode::Panicked, ReplyCode::Dropped];
                let code = input.pick(&codes);
                let count = usize::from(input.u8() % 32);
                let body = input.bytes(count);
                frame::write_reply(out, subject, held, code, body);
            }
            4..=6 => {
                let code = input.pick(&[
                    VerdictCode::Busy,
                    VerdictCode::UnknownMethod,
                    VerdictCode::SignatureMismatch,
                    VerdictCode::Undecodable,
                    VerdictCode::Expired,
                    VerdictCode::Fenced,
                    VerdictCode::ShuttingDown,
                    VerdictCode::Misuse,
                    VerdictCode::Abandoned,
                    VerdictCode::TooLarge,
                    VerdictCode::Incomplete,
                ]);
                let count = usize::from(input.u8() % 8);
                let detail = input.bytes(count);
                frame::write_verdict(out, subject, held, code, detail);
            }
            7..=9 => {
                let working = Working {
                    is_running: input.bool(),
                    elapsed: u32::from(input.u8()),
                    reported: u32::MAX - u32::from(input.u8()),
                    position: input.u8().into(),
                    done: 1,
                    total: 2,
                };
                frame::write_working(out, subject, held, &working);
            }
            10..=13 => self.write_part(input, subject, out),
            14 => {
                let number = input.number().max(1);
                frame::write_question(out, Role::Server, subject, number, 3);
            }
            _ => {
                use PlainAnswer::{NotKept, Running, Superseded, Unseen};
                let answer = input.pick(&[NotKept, Running, Superseded, Unseen]);
                frame::write_plain(out, subject, held, answer);
            }
        }
    }

    /// A part of a result, all of which are of one length and content.
    fn write_part(&mut self, input: &mut Input<'_>, subject: Subject, out: &mut Vec<u8>) {
        const LENGTH: usize = 2600;
        let body: Vec<u8> = (0..LENGTH).map(|at| (at * 13 + at / 200) as u8).collect();
        let (lie, step) = (input.u8(), usize::from(input.u8() % 3));
        let (offset, end) = (step * 1000, (step * 1000 + 1000).min(LENGTH));
        let mut bytes = body[offset..end].to_vec();
        self.number += 1;
        let checksum = integrity::crc32c(&body);
        let (length, at) = (LENGTH as u32, offset as u32);
        let mut part =
            Part { number: self.number, length, offset: at, identity: 0, checksum, body: 0..0 };
        match lie {
            0xF0..=0xF3 => bytes[0] ^= 1,
            0xF4..=0xF7 => part.checksum ^= 1,
            0xF8..=0xFA => part.length = input.number() as u32,
            0xFB..=0xFD => part.offset = input.number() as u32,
            0xFE..=0xFF => part.number = input.number(),
            _ => {}
        }
        frame::write_reply_part(out, subject, ReplyCode::Result, &part, &bytes);
    }
}
