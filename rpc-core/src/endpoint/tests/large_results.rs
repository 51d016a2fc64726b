//! Results that leave in parts, to clients that are hand-written ones.

use std::collections::BTreeMap;

use super::by_hand::*;
use super::*;
use crate::transfer::FIRST_LIMIT;
use crate::wire::frame::{ReplyCode, ServerAnswer, VerdictCode};

/// What a client has of a result, and which datagrams with numbers have come.
#[derive(Default)]
struct Inbox {
    bytes: BTreeMap<usize, Bytes>,
    length: usize,
    digest: u32,
    newest: u64,
    /// Datagrams and bytes that came.
    datagrams: usize,
    sizes: Vec<usize>,
}

impl Inbox {
    /// Takes what the server has sent to an address about a lane's call, and answers it.
    fn take(&mut self, hand: &mut Hand, peer: Peer, call: Subject) {
        for sent in hand.sent() {
            if sent.to != peer.address {
                continue;
            }
            self.take_one(&sent, call);
        }
        self.acknowledge(hand, peer, call);
    }

    fn take_one(&mut self, sent: &Sent, call: Subject) {
        for frame in &sent.frames {
            match &frame.answer {
                ServerAnswer::Part(ReplyCode::Result, part) if frame.subject.lane == call.lane => {
                    assert_eq!(sent.frames.len(), 1, "it is alone in its datagram");
                    assert_eq!(frame.subject.sequence, call.sequence);
                    let bytes = sent.body.slice(part.body.clone());
                    // What is sent again may be cut into other pieces.
                    let known = self.bytes.entry(part.offset as usize).or_default();
                    if bytes.len() > known.len() {
                        *known = bytes;
                    }
                    self.length = part.length as usize;
                    if part.offset as usize + part.body.len() == self.length {
                        self.digest = part.checksum;
                    }
                    self.newest = self.newest.max(part.number);
                    self.datagrams += 1;
                    self.sizes.push(sent.size);
                }
                ServerAnswer::Question(number) => {
                    assert_eq!(sent.frames.len(), 1, "it is alone in its datagram");
                    self.newest = self.newest.max(*number);
                    self.sizes.push(sent.size);
                }
                ServerAnswer::Reply(..) => panic!("it does not fit a datagram"),
                _ => {}
            }
        }
    }

    fn acknowledge(&self, hand: &mut Hand, peer: Peer, call: Subject) {
        if self.newest > 0 {
            arrived(hand, peer, call, self.newest, u32::MAX);
        }
    }

    /// What is there in order.
    fn whole(&self) -> Vec<u8> {
        let mut whole = Vec::new();
        for (offset, bytes) in &self.bytes {
            assert!(*offset <= whole.len(), "something is missing at {}", whole.len());
            let known = whole.len() - offset;
            whole.extend_from_slice(bytes.get(known..).unwrap_or_default());
        }
        whole
    }
}

/// Says that everything up to `newest` has arrived.
fn arrived(hand: &mut Hand, peer: Peer, call: Subject, newest: u64, limit: u32) {
    let fields = (newest, 0, limit);
    hand.send(peer, |out| {
        frame::write_arrived(out, Role::Client, call, fields, &[0xFF; 128]);
    });
}

/// Lets time pass, whatever the server has to do meanwhile.
fn pause(hand: &mut Hand, duration: Duration) {
    let now = hand.now() + duration;
    hand.clock.0.store(now.as_nanos(), Ordering::Relaxed);
    hand.server.handle_timeout(now);
}

/// Lets time pass until the server has something to do, and lets it.
fn step(hand: &mut Hand) {
    let due = hand.server.poll_timeout().expect("it waits for something").max(hand.now());
    hand.clock.0.store(due.as_nanos(), Ordering::Relaxed);
    hand.server.handle_timeout(due);
}

/// Runs until the result is not stored any more.
fn download(hand: &mut Hand, peer: Peer, call: Subject) -> Inbox {
    go_on(hand, peer, call, Inbox::default())
}

fn go_on(hand: &mut Hand, peer: Peer, call: Subject, mut inbox: Inbox) -> Inbox {
    for _ in 0..10_000 {
        inbox.take(hand, peer, call);
        if hand.server.unacknowledged() == 0 {
            return inbox;
        }
        pause(hand, Duration::from_micros(100));
    }
    panic!("it does not end");
}

fn hand() -> (Hand, Peer) {
    let mut hand = Hand::new(ServerConfig::default());
    let peer = hand.open(address(1));
    (hand, peer)
}

#[test]
fn a_large_result_is_stored_until_all_of_it_has_arrived() {
    let (mut hand, peer) = hand();
    let before = hand.held();
    let whole = message(3 << 20);
    let call = subject(2, 1);
    hand.run(peer, call, whole.clone_bytes());
    assert_eq!(hand.server.statistics().reply_bytes, whole.len());
    assert_eq!(hand.server.unacknowledged(), 1);
    let inbox = download(&mut hand, peer, call);
    assert_eq!(inbox.whole(), **whole);
    assert_eq!((inbox.length, inbox.digest), (whole.len(), integrity::crc32c(&whole)));
    assert!(inbox.sizes.contains(&65_507), "the path carries more than it began with");
    assert!(inbox.datagrams < 200, "{}", inbox.datagrams);
    let held = hand.held();
    assert_eq!((held.1, held.2, held.3), (before.1, before.2, before.3));
    // What says so twice, and the acknowledgement, find nothing any more and do no harm.
    arrived(&mut hand, peer, call, inbox.newest, u32::MAX);
    hand.send(peer, |out| frame::write_acknowledge(out, call));
    assert_eq!(hand.answers(), [(call, ServerAnswer::Acknowledged)]);
    // Its request is not run again.
    hand.send(peer, |out| frame::write_request(out, call, &REQUEST, b"x"));
    assert!(hand.take().is_none());
    assert_eq!(hand.answers(), []);
    hand.pass(Duration::from_secs(600));
    assert_eq!(hand.held(), (0, 0, (0, 0), 0));
}

#[test]
fn what_is_lost_is_sent_again_and_nothing_else() {
    let (mut hand, peer) = hand();
    let whole = message(300_000);
    let call = subject(0, 1);
    hand.run(peer, call, whole.clone_bytes());
    // Everything is lost for a while.
    let lost = hand.sent().len() + hand.pass(Duration::from_secs(5));
    assert!((10..60).contains(&lost), "{lost}");
    assert_eq!(hand.server.unacknowledged(), 1);
    let mut inbox = Inbox::default();
    let mut random = fastrand::Rng::with_seed(9);
    let mut numbers = std::collections::BTreeSet::new();
    for _ in 0..100_000 {
        for sent in hand.sent() {
            // Each third is lost.
            if random.u8(0..3) == 0 {
                continue;
            }
            inbox.take_one(&sent, call);
            for frame in &sent.frames {
                match &frame.answer {
                    ServerAnswer::Part(_, part) => assert!(numbers.insert(part.number)),
                    ServerAnswer::Question(number) => assert!(numbers.insert(*number)),
                    _ => {}
                }
            }
        }
        if let Some(&newest) = numbers.last()
            && random.u8(0..3) > 0
        {
            let mut bits = [0; 128];
            for &number in numbers.range(newest.saturating_sub(1024)..newest) {
                let place = (newest - 1 - number) as usize;
                bits[place / 8] |= 1 << (place % 8);
            }
            hand.send(peer, |out| {
                let fields = (newest, 0, u32::MAX);
                frame::write_arrived(out, Role::Client, call, fields, &bits);
            });
        }
        if hand.server.unacknowledged() == 0 {
            assert_eq!(inbox.whole(), **whole);
            return;
        }
        step(&mut hand);
    }
    panic!("it does not end");
}

#[test]
fn a_client_that_is_gone_is_not_sent_to_for_ever() {
    let config = ServerConfig { lease: Duration::from_secs(60), ..Default::default() };
    let mut hand = Hand::new(config);
    let peer = hand.open(address(1));
    hand.run(peer, subject(0, 1), message(3 << 20).clone_bytes());
    let sent = hand.sent().len() + hand.pass(Duration::from_secs(600));
    assert!((20..150).contains(&sent), "{sent}");
    assert_eq!(hand.server.statistics().sessions, 0);
    assert_eq!(hand.held(), (0, 0, (0, 0), 0));
    assert_eq!(hand.server.unacknowledged(), 0);
}

#[test]
fn a_client_that_is_heard_keeps_its_session_while_a_result_is_on_its_way() {
    let config = ServerConfig { lease: Duration::from_secs(1), ..Default::default() };
    let mut hand = Hand::new(config);
    let peer = hand.open(address(1));
    let call = subject(0, 1);
    hand.run(peer, call, message(1 << 20).clone_bytes());
    for _ in 0..20 {
        hand.pass(Duration::from_millis(500));
        // It has no room for more.
        arrived(&mut hand, peer, call, 1, 0);
    }
    assert_eq!(hand.server.unacknowledged(), 1);
    assert_eq!(hand.server.statistics().sessions, 1);
}

#[test]
fn a_receiver_decides_how_far_a_result_goes() {
    let (mut hand, peer) = hand();
    let call = subject(0, 1);
    hand.run(peer, call, message(1 << 20).clone_bytes());
    let mut inbox = Inbox::default();
    for _ in 0..2000 {
        for sent in hand.sent() {
            inbox.take_one(&sent, call);
        }
        arrived(&mut hand, peer, call, inbox.newest, 300_000);
        step(&mut hand);
    }
    assert_eq!(inbox.whole().len(), 300_000);
    arrived(&mut hand, peer, call, inbox.newest, 100);
    for _ in 0..100 {
        inbox.take(&mut hand, peer, call);
        if hand.server.unacknowledged() == 0 {
            return assert_eq!(inbox.whole(), **message(1 << 20));
        }
        step(&mut hand);
    }
    panic!("it does not end");
}

#[test]
fn whoever_asks_meanwhile_is_told_that_it_ran() {
    let (mut hand, peer) = hand();
    let whole = message(100_000);
    let call = subject(0, 1);
    hand.run(peer, call, whole.clone_bytes());
    let mut inbox = Inbox::default();
    for sent in hand.sent() {
        inbox.take_one(&sent, call);
    }
    assert!(inbox.datagrams > 5);
    for _ in 0..3 {
        hand.send(peer, |out| frame::write_probe(out, call));
        hand.send(peer, |out| frame::write_request(out, call, &REQUEST, b"x"));
        hand.send(peer, |out| frame::write_fence(out, call, frame::FenceCause::Deadline));
        let answers = hand.answers();
        assert_eq!(answers.len(), 1, "{answers:?}");
        assert!(matches!(answers[0].1, ServerAnswer::Working(working) if working.is_running));
    }
    assert!(hand.take().is_none());
    assert_eq!(hand.server.statistics().replies_replayed, 0);
    assert_eq!(go_on(&mut hand, peer, call, inbox).whole(), **whole);
}

#[test]
fn a_call_that_is_left_behind_is_not_sent_any_more() {
    let ends: [fn(&mut Hand, Peer); 3] = [
        |hand, peer| hand.send(peer, |out| frame::write_acknowledge(out, subject(0, 1))),
        |hand, peer| {
            hand.send(peer, |out| frame::write_request(out, subject(0, 2), &REQUEST, b"x"));
            let ready = hand.take().unwrap();
            hand.server.complete(ready.token, result(b"y"));
            hand.send(peer, |out| frame::write_acknowledge(out, subject(0, 2)));
        },
        |hand, peer| hand.send(peer, frame::write_close),
    ];
    for end in ends {
        let (mut hand, peer) = hand();
        hand.run(peer, subject(0, 1), message(1 << 20).clone_bytes());
        assert!(hand.sent().len() > 5);
        end(&mut hand, peer);
        let held = hand.held();
        assert_eq!((held.1, held.2, held.3), (0, (0, 0), 0));
        // The session's check for its expiry and the timer of its sender, if there is a session.
        assert!(held.0 <= 1 + hand.server.statistics().sessions, "{held:?}");
        assert_eq!(hand.pass(Duration::from_secs(100)), 0, "nothing is sent any more");
        hand.pass(Duration::from_secs(600));
        assert_eq!(hand.held(), (0, 0, (0, 0), 0));
    }
}

#[test]
fn nobody_else_can_say_that_a_result_has_arrived() {
    let (mut hand, peer) = hand();
    let other = hand.open(address(2));
    let call = subject(0, 1);
    hand.run(peer, call, message(100_000).clone_bytes());
    hand.run(other, call, message(100_000).clone_bytes());
    let _ = hand.sent();
    // From another address, for a session that does not exist, and of datagrams that were never sent.
    arrived(&mut hand, Peer { address: address(2), ..peer }, call, 11, u32::MAX);
    arrived(&mut hand, Peer { session: peer.session ^ 1, ..peer }, call, 11, u32::MAX);
    for newest in [1 << 20, u64::MAX] {
        arrived(&mut hand, peer, call, newest, u32::MAX);
    }
    assert_eq!(hand.server.unacknowledged(), 2);
    assert_eq!(hand.server.confirmed(), 0);
    // One client's word is about its own session only.
    let _ = download_one(&mut hand, other, call);
    assert_eq!(hand.server.unacknowledged(), 1);
}

/// Runs until one of several results has arrived.
fn download_one(hand: &mut Hand, peer: Peer, call: Subject) -> Inbox {
    let (before, mut inbox) = (hand.server.unacknowledged(), Inbox::default());
    while hand.server.unacknowledged() == before {
        inbox.take(hand, peer, call);
        step(hand);
    }
    inbox
}

#[test]
fn an_idempotent_result_is_not_kept_once_it_has_arrived() {
    let (mut hand, peer) = hand();
    let call = subject(0, 1);
    let request = frame::Request { method: LOOKUP, ..REQUEST };
    hand.send(peer, |out| frame::write_request(out, call, &request, b"x"));
    let ready = hand.take().unwrap();
    hand.server.complete(ready.token, Finished::Reply(message(50_000).clone_bytes().into()));
    let inbox = download(&mut hand, peer, call);
    assert_eq!(inbox.whole(), **message(50_000));
    hand.send(peer, |out| frame::write_request(out, call, &request, b"x"));
    assert_eq!(hand.answers(), [(call, ServerAnswer::NotKept)]);
    assert!(hand.take().is_none());
}

#[test]
fn a_result_that_is_too_large_says_which_setting_to_change() {
    let mut table = methods();
    let entry = MethodEntry {
        service: 0,
        signature: 99,
        signature_text: "",
        is_idempotent: false,
        is_oneway: false,
        limits: MessageLimits { request: None, reply: Some(2000) },
    };
    table.add_method(INTERFACE, 10, entry);
    let config = |maximum_reply, maximum_reply_bytes| ServerConfig {
        maximum_reply,
        maximum_reply_bytes,
        ..Default::default()
    };
    let (large, client) = (64 << 20, u32::MAX);
    let cases: [(_, _, _, usize, &[&str]); 4] = [
        (config(large, large), client, 10, 2000, &["2001", "2000", "`max_reply` of the method"]),
        (
            config(3000, large),
            client,
            ECHO,
            3000,
            &["3001", "3000", "`maximum_reply` of the server"],
        ),
        (
            config(large, large),
            4000,
            ECHO,
            4000,
            &["4001", "4000", "`maximum_reply` of the client"],
        ),
        (
            // An eighth is kept for small calls.
            config(large, 40_000),
            client,
            ECHO,
            35_000,
            &["35001", "35000", "`maximum_reply_bytes`", "max_reply"],
        ),
    ];
    for (config, largest_reply, method, limit, words) in cases {
        for size in [limit, limit + 1] {
            let mut hand = Hand::with(config.clone(), table.clone());
            let peer = hand.open_with(address(1), 0, largest_reply);
            let call = subject(0, 1);
            let request = frame::Request { method, ..REQUEST };
            hand.send(peer, |out| frame::write_request(out, call, &request, b"x"));
            let ready = hand.take().unwrap();
            hand.server.complete(ready.token, Finished::Reply(message(size).clone_bytes().into()));
            if size == limit {
                assert_eq!(download(&mut hand, peer, call).length, limit);
                continue;
            }
            let sent = hand.sent();
            let ServerAnswer::Reply(ReplyCode::TooLarge, text) = &sent[0].frames[0].answer else {
                panic!("{sent:?}");
            };
            let text = String::from_utf8_lossy(&sent[0].body[text.clone()]);
            assert!(words.iter().all(|word| text.contains(word)), "{text}");
        }
    }
}

#[test]
fn what_a_method_may_give_is_booked_before_it_runs() {
    let mut table = methods();
    let entry = MethodEntry {
        service: 0,
        signature: 99,
        signature_text: "",
        is_idempotent: false,
        is_oneway: false,
        limits: MessageLimits { request: None, reply: Some(10_000) },
    };
    table.add_method(INTERFACE, 10, entry);
    let config = ServerConfig { maximum_reply_bytes: 25_000, ..Default::default() };
    let mut hand = Hand::with(config, table);
    let mut peer = hand.open(address(1));
    let request = frame::Request { method: 10, ..REQUEST };
    for sequence in 1..=3 {
        let call = subject(sequence as u16, sequence);
        hand.send(peer, |out| frame::write_request(out, call, &request, b"x"));
    }
    assert_eq!(hand.verdict().0, VerdictCode::Busy, "a third one finds no room");
    assert_eq!(hand.server.statistics().reply_bytes, 20_000);
    // It is the same for one whose arguments come in parts.
    let whole = message(9000);
    hand.send_part(&mut peer, subject(4, 4), &request, &described(&whole, 0), &whole[..1000]);
    assert_eq!(hand.verdict().0, VerdictCode::Busy);
    // Calls of a method that says nothing take what is left, and no more.
    hand.send(peer, |out| frame::write_request(out, subject(5, 5), &REQUEST, b"x"));
    let earlier = [hand.take().unwrap(), hand.take().unwrap()];
    let ready = hand.take().unwrap();
    hand.server.complete(ready.token, Finished::Reply(message(5001).clone_bytes().into()));
    let sent = hand.sent();
    let is_too_large =
        |answer: &ServerAnswer| matches!(answer, ServerAnswer::Reply(ReplyCode::TooLarge, _));
    assert!(sent.iter().flat_map(|it| &it.frames).any(|it| is_too_large(&it.answer)));
    for ready in earlier {
        hand.server.complete(ready.token, Finished::Reply(message(10_000).clone_bytes().into()));
    }
    assert!(hand.server.statistics().reply_bytes <= 25_000);
    assert_eq!(hand.server.unacknowledged(), 3);
}

#[test]
fn the_handshake_tells_the_largest_of_all_limits() {
    let mut table = methods();
    let limits = MessageLimits { request: Some(100 << 20), reply: Some(90 << 20) };
    let entry = MethodEntry {
        service: 0,
        signature: 99,
        signature_text: "",
        is_idempotent: false,
        is_oneway: false,
        limits,
    };
    table.add_method(INTERFACE, 10, entry);
    for (table, expected) in [(methods(), (64 << 20, 64 << 20)), (table, (100 << 20, 90 << 20))] {
        let mut hand = Hand::with(ServerConfig::default(), table);
        hand.server.set_receive_window(12_345);
        let mut out = Vec::new();
        messages::write_hello(&mut out, 5);
        hand.receive(address(1), out);
        let (nonce, cookie) = messages::parse_challenge(&hand.sent()[0].body).unwrap();
        let mut out = Vec::new();
        let open = Open { nonce, cookie, previous: 0, largest_reply: 1, receive_window: 1 };
        messages::write_open(&mut out, &open);
        hand.receive(address(1), out);
        let welcome = messages::parse_welcome(&hand.sent()[0].body).unwrap();
        assert_eq!((welcome.largest_request, welcome.largest_reply), expected);
        assert_eq!(welcome.receive_window, 12_345);
    }
}

#[test]
fn a_result_follows_its_client_to_another_address() {
    let (mut hand, peer) = hand();
    let (call, whole) = (subject(0, 1), message(1 << 20));
    hand.run(peer, call, whole.clone_bytes());
    let mut inbox = Inbox::default();
    inbox.take(&mut hand, peer, call);
    let _ = hand.sent();
    // Nothing goes to an address that is not proven.
    let moved = Peer { address: address(7), ..peer };
    arrived(&mut hand, moved, call, inbox.newest, u32::MAX);
    assert!(hand.sent().iter().all(|sent| sent.frames.is_empty()));
    let resumed = hand.open_with(address(7), peer.session, u32::MAX);
    assert_eq!(resumed.session, peer.session);
    let sent = loop {
        let sent = hand.sent();
        if !sent.is_empty() {
            break sent;
        }
        step(&mut hand);
    };
    assert!(sent.iter().all(|sent| sent.to == address(7)));
    let smallest = sent.iter().map(|sent| sent.size).filter(|&size| size <= 1200).max();
    assert_eq!(smallest, Some(1200), "nothing is known of the new path");
    let mut inbox = download(&mut hand, resumed, call);
    for sent in &sent {
        inbox.take_one(sent, call);
    }
    assert_eq!(inbox.length, whole.len());
}

#[test]
fn a_datagram_that_the_system_refuses_says_something_about_its_own_path_only() {
    let (mut hand, peer) = hand();
    let other = hand.open(address(2));
    let call = subject(0, 1);
    hand.run(peer, call, message(2 << 20).clone_bytes());
    hand.run(other, call, message(2 << 20).clone_bytes());
    let (mut inbox, mut others) = (Inbox::default(), Inbox::default());
    for _ in 0..5000 {
        for sent in hand.sent() {
            if sent.to == other.address {
                others.take_one(&sent, call);
            } else if sent.size > 1500 {
                let now = hand.now();
                hand.server.handle_send_refused(now, sent.to, sent.size);
            } else {
                inbox.take_one(&sent, call);
            }
        }
        // Those that were refused count as lost: everything before the newest has not arrived.
        others.acknowledge(&mut hand, other, call);
        for newest in 1..=inbox.newest {
            if inbox.newest - newest < 20 {
                hand.send(peer, |out| {
                    let fields = (newest, 0, u32::MAX);
                    frame::write_arrived(out, Role::Client, call, fields, &[]);
                });
            }
        }
        if hand.server.unacknowledged() == 0 {
            break;
        }
        step(&mut hand);
    }
    let large = others.sizes.iter().filter(|&&size| size == 65_507).count();
    assert!(large > 25, "{:?}", others.sizes);
    assert_eq!(inbox.sizes.iter().max(), Some(&1472), "the largest that the path carries");
    // Somebody of whom nothing is known changes nothing.
    let now = hand.now();
    hand.server.handle_send_refused(now, address(77), 1200);
}

#[test]
fn small_answers_go_first_and_sessions_take_turns() {
    let (mut hand, peer) = hand();
    let others: Vec<_> = (2..5).map(|index| hand.open(address(index))).collect();
    let call = subject(0, 1);
    for &peer in [&peer].into_iter().chain(&others) {
        hand.run(peer, call, message(4 << 20).clone_bytes());
    }
    let mut sent_to: BTreeMap<SocketAddr, Inbox> = BTreeMap::new();
    for round in 0..40 {
        hand.run(peer, subject(1, 2 + round), Bytes::new());
        let sent = hand.sent();
        assert!(
            matches!(sent[0].frames[0].answer, ServerAnswer::Reply(..)),
            "{:?}",
            sent[0].frames
        );
        let bytes: usize = sent.iter().map(|sent| sent.size).sum();
        assert!(bytes < (256 << 10) + (80 << 10), "{bytes} at one moment");
        for sent in &sent[1..] {
            sent_to.entry(sent.to).or_default().take_one(sent, call);
        }
        for (&address, inbox) in &sent_to {
            let peer = [&peer].into_iter().chain(&others).find(|it| it.address == address);
            inbox.acknowledge(&mut hand, *peer.unwrap(), call);
        }
        pause(&mut hand, Duration::from_millis(1));
    }
    let totals: Vec<usize> = sent_to.values().map(|inbox| inbox.sizes.iter().sum()).collect();
    assert_eq!(totals.len(), 4);
    let (least, most) = (totals.iter().min().unwrap(), totals.iter().max().unwrap());
    assert!(most / 2 < *least, "{totals:?}");
    assert!(*least > FIRST_LIMIT, "{totals:?}");
}

#[test]
fn a_server_that_ends_knows_what_is_on_its_way() {
    let (mut hand, peer) = hand();
    let call = subject(0, 1);
    hand.run(peer, call, message(1 << 20).clone_bytes());
    hand.server.begin_shutdown();
    assert_eq!(hand.server.unacknowledged(), 1);
    let before = hand.server.confirmed();
    let inbox = download(&mut hand, peer, call);
    assert_eq!(inbox.whole().len(), 1 << 20);
    assert!(hand.server.confirmed() > before);
}

/// A server with room for 16 MiB of results, of which one session may store 2 MiB before its calls wait.
fn small_room() -> (Hand, Peer, Peer) {
    let config = ServerConfig {
        maximum_reply_bytes: 16 << 20,
        lease: Duration::from_secs(60),
        ..Default::default()
    };
    let mut hand = Hand::new(config);
    let (greedy, other) = (hand.open(address(1)), hand.open(address(2)));
    (hand, greedy, other)
}

fn ask(hand: &mut Hand, peer: Peer, call: Subject) {
    hand.send(peer, |out| frame::write_request(out, call, &REQUEST, b"x"));
}

#[test]
fn one_session_does_not_take_the_room_of_all() {
    let (mut hand, greedy, other) = small_room();
    let whole = message(1 << 20);
    let calls: Vec<_> = (0..40).map(|lane| subject(lane, 1 + u64::from(lane))).collect();
    for &call in &calls {
        ask(&mut hand, greedy, call);
    }
    let mut ran = 0;
    while let Some(ready) = hand.take() {
        ran += 1;
        let reply = Finished::Reply(whole.clone_bytes().into());
        hand.server.complete(ready.token, reply);
    }
    assert_eq!(ran, 2, "the others wait until something of this was taken");
    // Calls of other methods of the same session do not wait, and neither do other clients.
    let other_method = frame::Request { method: LOOKUP, ..REQUEST };
    let small = subject(50, 100);
    hand.send(greedy, |out| frame::write_request(out, small, &other_method, b"x"));
    let ready = hand.take().expect("its results were never large");
    hand.server.complete(ready.token, Finished::Reply(Bytes::from_static(b"y").into()));
    hand.run(other, subject(0, 1), whole.clone_bytes());
    // Each result that was taken lets another call run, until all have run once.
    for &call in &calls {
        hand.send(greedy, |out| frame::write_acknowledge(out, call));
        while let Some(ready) = hand.take() {
            ran += 1;
            let reply = Finished::Reply(whole.clone_bytes().into());
            hand.server.complete(ready.token, reply);
        }
    }
    assert_eq!(ran, 40);
    assert_eq!(hand.server.queued(), 0);
}

#[test]
fn large_results_leave_room_for_small_calls() {
    let (mut hand, greedy, other) = small_room();
    // All of them run before it is known how large their results are.
    let calls: Vec<_> = (0..17).map(|lane| subject(lane, 1 + u64::from(lane))).collect();
    calls.iter().for_each(|&call| ask(&mut hand, greedy, call));
    let ready: Vec<_> = core::iter::from_fn(|| hand.take()).collect();
    assert_eq!(ready.len(), 17);
    for (index, ready) in ready.into_iter().enumerate() {
        let size = [1 << 20, 2000][index / 16];
        hand.server.complete(ready.token, Finished::Reply(message(size).clone_bytes().into()));
    }
    let stored = hand.server.statistics().reply_bytes;
    assert!((13 << 20..=14 << 20).contains(&stored), "{stored}");
    hand.run(other, subject(0, 1), Bytes::from_static(b"small"));
}

#[test]
fn calls_that_wait_for_a_client_that_is_gone_do_not_keep_its_session() {
    let (mut hand, greedy, _) = small_room();
    for lane in 0..40 {
        ask(&mut hand, greedy, subject(lane, 1 + u64::from(lane)));
    }
    while let Some(ready) = hand.take() {
        let reply = Finished::Reply(message(1 << 20).clone_bytes().into());
        hand.server.complete(ready.token, reply);
    }
    hand.pass(Duration::from_secs(200));
    assert_eq!(hand.server.statistics().sessions, 0);
    assert_eq!(hand.held(), (0, 0, (0, 0), 0));
}
