//! What a call that ended leaves behind, and the memory that is booked for it.

use bytes::Bytes;

use super::ServerEndpoint;
use super::incoming::Finished;
use super::records::{Phase, Record};
use super::requests::{LONGEST_DETAIL, detail};
use super::stored;
use crate::config::MessageLimits;
use crate::marshal::Body;
use crate::wire;
use crate::wire::frame::{ReplyCode, VerdictCode};
use crate::wire::integrity::RunningChecksum;

impl ServerEndpoint {
    /// The largest encoded result that fits a datagram.
    pub(super) fn reply_room(&self) -> usize {
        wire::reply_room(self.config.datagram_size)
    }

    /// Whether a body is sent in parts.
    pub(super) fn is_large(&self, body: &Body) -> bool {
        body.len() > self.reply_room()
    }

    /// How many bytes are booked for the reply of a call before it is admitted. There is always room for
    /// the text of a failure.
    pub(super) fn booking(&self, limits: MessageLimits) -> usize {
        limits.reply.unwrap_or(self.reply_room()).max(LONGEST_DETAIL)
    }

    /// Why a call's result of this size is not sent, if it is not.
    pub(super) fn is_too_large(&self, record: &Record, size: usize) -> Option<String> {
        let client = self.sessions.get(record.session).map_or(0, |session| session.largest_reply);
        let (client, server) = (client as usize, self.config.maximum_reply);
        let say = |who: &str, limit: usize, settings: &str| {
            format!("it takes {size} bytes and {who} {limit}; raise {settings}, or return less")
        };
        if let Some(limit) = record.max_reply {
            if size > limit {
                return Some(say("its method allows", limit, "`max_reply` of the method"));
            }
        } else if size > client.min(server) {
            return Some(if server <= client {
                let settings = "`max_reply` of the method or `maximum_reply` of the server";
                say("the server sends", server, settings)
            } else {
                let settings = "`max_reply` of the method or `maximum_reply` of the client";
                say("the client takes", client, settings)
            });
        }
        let others = self.reply_bytes - record.booked;
        let free = stored::left(&self.config, others);
        if size <= record.booked.max(free) {
            return None;
        }
        Some(format!(
            "it takes {size} bytes and {free} are left for results that are stored; give the method a \
             `max_reply`, which is booked before it runs, or raise `maximum_reply_bytes` of the server"
        ))
    }
}

/// What is recorded of a call that ended in this way.
/// `too_large` says why its result is not sent.
pub(super) fn judge_result(finished: Finished, is_entered: bool, too_large: Option<&str>) -> Phase {
    let done = |code, body| Phase::Done { code, body, checksum: RunningChecksum::default() };
    match finished {
        Finished::Reply(body) => match too_large {
            None => done(ReplyCode::Result, body),
            Some(text) => done(ReplyCode::TooLarge, detail(text).into()),
        },
        Finished::Nothing => done(ReplyCode::Result, Body::default()),
        Finished::Unencodable { detail: text } => {
            done(ReplyCode::Unencodable, detail(&text).into())
        }
        Finished::Undecodable { detail: text } if !is_entered => {
            Phase::Refused { code: VerdictCode::Undecodable, detail: detail(&text) }
        }
        // The user's own decoder panicked.
        Finished::Panicked { message } if !is_entered => {
            Phase::Refused { code: VerdictCode::Undecodable, detail: detail(&message) }
        }
        Finished::UnknownMethod if !is_entered => {
            Phase::Refused { code: VerdictCode::UnknownMethod, detail: Bytes::new() }
        }
        Finished::Dropped if !is_entered => {
            Phase::Refused { code: VerdictCode::Abandoned, detail: Bytes::new() }
        }
        Finished::Panicked { message } => done(ReplyCode::Panicked, detail(&message).into()),
        Finished::Undecodable { .. } | Finished::UnknownMethod | Finished::Dropped => {
            done(ReplyCode::Dropped, Body::default())
        }
    }
}
