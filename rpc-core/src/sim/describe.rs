//! The content of a datagram in a few words.

use crate::wire::frame::{
    ClientFrame, ReplyCode, ServerAnswer, Subject, next_client_frame, next_server_frame,
};
use crate::wire::part::{Arrived, Part};
use crate::wire::{Header, Kind, Role};

/// Names the message or the frames of a datagram, each with lane, sequence number and attempt; or says
/// why a receiver drops it.
pub(super) fn describe(datagram: &[u8]) -> String {
    let (header, body) = match Header::parse(datagram) {
        Ok(parsed) => parsed,
        Err(reason) => return format!("({})", reason.label()),
    };
    match (header.kind, header.role) {
        (Kind::Frames, Role::Client) => list(body, |at| next_client_frame(body, at).map(client)),
        (Kind::Frames, Role::Server) => {
            list(body, |at| next_server_frame(body, at).map(|f| server(f.subject, &f.answer)))
        }
        (kind, _) => format!("{kind:?}").to_uppercase(),
    }
}

fn list(body: &[u8], mut next: impl FnMut(&mut usize) -> Option<String>) -> String {
    let (mut text, mut at) = (String::new(), 0);
    while at < body.len() {
        let Some(frame) = next(&mut at) else { return text + "(malformed)" };
        text += if text.is_empty() { "" } else { ", " };
        text += &frame;
    }
    text
}

fn client(frame: ClientFrame) -> String {
    match frame {
        ClientFrame::Request(subject, _) => about("REQUEST", subject),
        ClientFrame::Oneway(subject, _) => about("ONEWAY", subject),
        ClientFrame::Probe(subject) => about("PROBE", subject),
        ClientFrame::Fence(subject, cause) => about("FENCE", subject) + &format!(" {cause:?}"),
        ClientFrame::Acknowledge(subject) => about("ACKNOWLEDGE", subject),
        ClientFrame::Close => "CLOSE".to_owned(),
        ClientFrame::Part(subject, _, part) => describe_part("REQUEST", subject, &part),
        ClientFrame::Arrived(subject, arrived) => describe_arrived(subject, &arrived),
        ClientFrame::Question(subject, number) => {
            about("QUESTION", subject) + &format!(" {number}")
        }
    }
}

fn server(subject: Subject, answer: &ServerAnswer) -> String {
    match answer {
        ServerAnswer::Reply(ReplyCode::Result, _) => about("REPLY", subject),
        ServerAnswer::Reply(code, _) => about("REPLY", subject) + &format!(" {code:?}"),
        ServerAnswer::Verdict(code, _) => about("VERDICT", subject) + &format!(" {code:?}"),
        ServerAnswer::Working(working) if working.is_running => about("WORKING", subject),
        ServerAnswer::Working(working) => {
            about("WORKING", subject) + &format!(" queued behind {}", working.position)
        }
        ServerAnswer::NotKept => about("NOT KEPT", subject),
        ServerAnswer::Running => about("RUNNING", subject),
        ServerAnswer::Superseded => about("SUPERSEDED", subject),
        ServerAnswer::Unseen => about("UNSEEN", subject),
        ServerAnswer::Acknowledged => about("ACKNOWLEDGED", subject),
        ServerAnswer::Part(_, part) => describe_part("REPLY", subject, part),
        ServerAnswer::Arrived(arrived) => describe_arrived(subject, arrived),
        ServerAnswer::Question(number) => about("QUESTION", subject) + &format!(" {number}"),
    }
}

fn describe_part(name: &str, subject: Subject, part: &Part) -> String {
    let Part { number, length, offset, body, .. } = part;
    let end = *offset as usize + body.len();
    about(&format!("{name} PART"), subject) + &format!(" {offset}..{end} of {length}, {number}")
}

fn describe_arrived(subject: Subject, arrived: &Arrived) -> String {
    let Arrived { newest, limit, .. } = arrived;
    about("ARRIVED", subject) + &format!(" {newest}, limit {limit}")
}

fn about(name: &str, subject: Subject) -> String {
    let Subject { lane, sequence, attempt } = subject;
    format!("{name} {lane}/{sequence}#{attempt}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::{FenceCause, write_fence, write_probe};
    use crate::wire::integrity;

    #[test]
    fn a_datagram_is_described_frame_by_frame() {
        let mut datagram = Vec::new();
        Header { role: Role::Client, kind: Kind::Frames, session: 9 }.write(&mut datagram);
        write_probe(&mut datagram, Subject { lane: 1, sequence: 2, attempt: 3 });
        let cause = FenceCause::Cancelled;
        write_fence(&mut datagram, Subject { lane: 0, sequence: 7, attempt: 1 }, cause);
        integrity::seal(&mut datagram, 0);
        assert_eq!(describe(&datagram), "PROBE 1/2#3, FENCE 0/7#1 Cancelled");
        datagram[5] ^= 1;
        assert_eq!(describe(&datagram), "(corrupt)");
    }
}
