//! A catalogue of bad inputs, each injected in the middle of honest calls, of which none may be lost.
//!
//! The numbers are those of a list that is older than this protocol, so some of its items do not apply:
//!
//! | items | why they are not here |
//! |---|---|
//! | 29 to 32, 34, 54 | there is no encryption and no mode: they belong to it |
//! | 52 | a client has no id of its own choice |
//! | 75, 77, 79 | parts are ranges of bytes: there is no index, no count and no agreed size |
//! | 38, 51 | `sessions`: one nonce from two addresses; a session that moves |
//! | 70 | `sessions`: an idle session expires |
//! | 84 to 86 | `large_requests`: arguments that drip, budgets; `large`: both directions at once |
//! | 21, 50, 92 (floods) | the scenarios of a hostile network |
//! | 90, 91 | messages: `tests/hostile` and the tests of the encoding; handlers: `tests/loopback/panics.rs` |
//! | 93 to 96 | the tests of the driver |

mod client;
mod framing;
mod parts;
mod sequence;
mod sessions;

use super::by_hand::{Hand, Peer, REQUEST, Sent, Whole, address, message, subject};
use super::*;
use crate::wire::frame::{ServerAnswer, VerdictCode};

/// What must come of one bad datagram.
pub(super) enum Expect {
    /// It is dropped for this reason, nothing is sent, and nothing has changed.
    Dropped(DropReason),
    /// The same, for any reason.
    DroppedSomehow,
    /// It is dropped for this reason, and its sender is told so in one smaller datagram.
    Told(DropReason),
    /// It is accepted and does nothing.
    Ignored,
    /// It is accepted and answered like this.
    Answered(fn(&Sent) -> bool),
}

/// One entry of the catalogue.
pub(super) struct Item {
    /// Its number, and what it is.
    name: &'static str,
    from: SocketAddr,
    datagram: Vec<u8>,
    expect: Expect,
}

pub(super) fn item(
    name: &'static str,
    from: SocketAddr,
    datagram: Vec<u8>,
    expect: Expect,
) -> Item {
    Item { name, from, datagram, expect }
}

/// Three honest clients in the middle of their calls, and an enemy with a session of its own.
pub(super) struct Stage {
    pub(super) hand: Hand,
    pub(super) honest: Vec<Peer>,
    pub(super) enemy: Peer,
    pub(super) stranger: SocketAddr,
    large: Whole,
    running: Vec<Ready>,
    ran: Vec<Bytes>,
}

/// The arguments of calls that must not run.
pub(super) const NEVER: &[u8] = b"this must never run";

/// Whether it says this verdict.
pub(super) fn is_verdict(sent: &Sent, code: VerdictCode) -> bool {
    let verdict = |frame: &frame::ServerFrame| matches!(&frame.answer, ServerAnswer::Verdict(said, _) if *said == code);
    sent.frames.iter().any(verdict)
}

/// The lanes of an honest client, by what has become of their calls. All have this number.
pub(super) const NUMBER: u64 = 10;
pub(super) const DONE: u16 = 0;
pub(super) const RUNNING: u16 = 1;
pub(super) const QUEUED: u16 = 2;
pub(super) const ARRIVING: u16 = 3;
pub(super) const FRESH: u16 = 4;
pub(super) const FREED: u16 = 5;
pub(super) const FENCED: u16 = 6;

/// The arguments of the call of a client on a lane.
pub(super) fn arguments(peer: &Peer, lane: u16) -> Vec<u8> {
    format!("lane {lane} of {}", peer.address).into_bytes()
}

/// A sealed datagram of a client.
pub(super) fn of_client(session: u64, write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    crate::wire::samples::frames(Role::Client, session, write)
}

/// The request of a client on a lane, as it was or will be sent.
pub(super) fn request(peer: &Peer, lane: u16) -> Vec<u8> {
    let body = arguments(peer, lane);
    of_client(peer.session, |out| frame::write_request(out, subject(lane, NUMBER), &REQUEST, &body))
}

impl Stage {
    pub(super) fn new() -> Self {
        let mut hand = Hand::new(ServerConfig { window: 16, ..ServerConfig::default() });
        let honest: Vec<_> = (1..=3).map(|index| hand.open(address(index))).collect();
        let (enemy, stranger) = (hand.open(address(66)), address(99));
        let (large, running, ran) = (message(5000), Vec::new(), Vec::new());
        let mut stage = Self { hand, honest, enemy, stranger, large, running, ran };
        for peer in stage.honest.clone() {
            for lane in [DONE, FREED] {
                stage.hand.receive(peer.address, request(&peer, lane));
                stage.run_all();
            }
            stage.hand.send(peer, |out| frame::write_acknowledge(out, subject(FREED, NUMBER)));
            let cause = frame::FenceCause::Cancelled;
            stage.hand.send(peer, |out| frame::write_fence(out, subject(FENCED, NUMBER), cause));
            stage.hand.receive(peer.address, request(&peer, RUNNING));
            let ready = stage.hand.take().expect("it is admitted");
            stage.ran.push(ready.body.clone());
            stage.running.push(ready);
        }
        for (index, peer) in stage.honest.clone().into_iter().enumerate() {
            stage.hand.receive(peer.address, request(&peer, QUEUED));
            let large = stage.large.clone();
            let lane = subject(ARRIVING, NUMBER);
            stage.hand.part(&mut stage.honest[index], lane, &large, 0..1000);
        }
        // Whatever is to be said without a question has been said.
        stage.hand.pass(Duration::from_millis(5));
        let _ = stage.hand.sent();
        stage
    }

    /// Runs every call that waits; each gives its arguments back.
    fn run_all(&mut self) {
        while let Some(ready) = self.hand.take() {
            self.ran.push(ready.body.clone());
            let reply = Finished::Reply(ready.body.clone().into());
            self.hand.server.complete(ready.token, reply);
        }
    }

    /// All that may be seen of the server, apart from what it counts as received.
    fn digest(&self) -> String {
        let mut statistics = self.hand.server.statistics();
        statistics.received = Default::default();
        (statistics.datagrams_sent, statistics.bytes_sent) = (0, 0);
        let server = &self.hand.server;
        format!("{statistics:?} {} {:?}", server.footprint(), server.poll_timeout())
    }

    /// Injects one of the catalogue and looks at what comes of it.
    #[track_caller]
    fn inject(&mut self, item: Item) {
        let Item { name, from, datagram, expect } = item;
        let (before, digest) = (self.hand.server.statistics().received, self.digest());
        let length = datagram.len();
        self.hand.receive(from, datagram);
        let sent = self.hand.sent();
        let after = self.hand.server.statistics().received;
        assert_eq!(after.datagrams, before.datagrams + 1, "{name}");
        assert_eq!(after.datagrams, after.accepted + after.dropped_total(), "{name}");
        let is_accepted = after.accepted > before.accepted;
        let was_dropped = |reason| after.dropped(reason) > before.dropped(reason);
        assert!(sent.iter().all(|sent| sent.to == from), "{name}: {sent:?}");
        let bytes: usize = sent.iter().map(|sent| sent.size).sum();
        if self.honest.iter().chain([&self.enemy]).all(|peer| peer.address != from) {
            assert!(sent.len() <= 1 && bytes <= length, "{name}: {bytes} for {length}");
        }
        let is_right = match expect {
            Expect::Dropped(reason) => was_dropped(reason) && sent.is_empty(),
            Expect::DroppedSomehow => !is_accepted && sent.is_empty(),
            Expect::Told(reason) => was_dropped(reason) && sent.len() == 1 && bytes < length,
            Expect::Ignored => is_accepted && sent.is_empty(),
            Expect::Answered(is_right) => {
                is_accepted && matches!(&sent[..], [only] if is_right(only))
            }
        };
        assert!(is_right, "{name}: {sent:?}, {after:?}");
        if !is_accepted {
            assert_eq!(self.digest(), digest, "{name}");
        }
    }

    /// Every honest call goes on to its end, as if nothing had happened.
    #[track_caller]
    fn nothing_is_lost(mut self) {
        let (running, large) = (core::mem::take(&mut self.running), self.large.clone());
        let _ = self.hand.sent();
        for (peer, ready) in self.honest.clone().iter().zip(running) {
            let again = self.ask(peer, request(peer, RUNNING));
            assert!(matches!(again, Some((ServerAnswer::Working(_), _))), "{again:?}");
            let reply = Finished::Reply(ready.body.clone().into());
            self.hand.server.complete(ready.token, reply);
            let _ = self.hand.sent();
        }
        for index in 0..self.honest.len() {
            let lane = subject(ARRIVING, NUMBER);
            for range in [1000..2000, 2000..3000, 3000..4000, 4000..5000] {
                self.hand.part(&mut self.honest[index], lane, &large, range);
            }
            let peer = self.honest[index];
            self.hand.receive(peer.address, request(&peer, FRESH));
        }
        self.run_all();
        let _ = self.hand.sent();
        for peer in self.honest.clone() {
            for lane in [DONE, RUNNING, QUEUED, FRESH] {
                let (answer, body) = self.ask(&peer, request(&peer, lane)).expect("a reply");
                let ServerAnswer::Reply(frame::ReplyCode::Result, range) = answer else {
                    panic!("lane {lane}: {answer:?}");
                };
                assert_eq!(&body[range], &arguments(&peer, lane)[..]);
            }
            assert_eq!(self.ask(&peer, request(&peer, FREED)), None);
            let refused = self.ask(&peer, request(&peer, FENCED));
            let is_fenced =
                matches!(refused, Some((ServerAnswer::Verdict(VerdictCode::Fenced, _), _)));
            assert!(is_fenced, "{refused:?}");
            for lane in [DONE, RUNNING, QUEUED, FRESH, FREED] {
                assert_eq!(self.times(&arguments(&peer, lane)), 1, "lane {lane}");
            }
            assert_eq!(self.times(&arguments(&peer, FENCED)), 0);
        }
        assert_eq!((self.times(&large), self.times(NEVER)), (self.honest.len(), 0));
        let received = self.hand.server.statistics().received;
        assert_eq!(received.datagrams, received.accepted + received.dropped_total());
    }

    /// How often a call with these arguments was run.
    pub(super) fn times(&self, arguments: &[u8]) -> usize {
        self.ran.iter().filter(|body| body[..] == *arguments).count()
    }

    /// Sends a datagram of an honest client, and gives what is said to it.
    fn ask(&mut self, peer: &Peer, datagram: Vec<u8>) -> Option<(ServerAnswer, Bytes)> {
        self.hand.receive(peer.address, datagram);
        self.run_all();
        let sent = self.hand.sent().into_iter().find(|sent| sent.to == peer.address)?;
        Some((sent.frames.first()?.answer.clone(), sent.body))
    }
}

/// Injects each item of a list by itself, and all of them together.
#[track_caller]
pub(super) fn inject_each(list: impl Fn(&mut Stage) -> Vec<Item>) {
    let count = list(&mut Stage::new()).len();
    assert!(count > 0);
    for index in 0..count {
        let mut stage = Stage::new();
        let item = list(&mut stage).swap_remove(index);
        stage.inject(item);
        stage.nothing_is_lost();
    }
    let mut stage = Stage::new();
    for item in list(&mut stage) {
        stage.inject(item);
    }
    stage.nothing_is_lost();
}
