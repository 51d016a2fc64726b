//! What happens to datagrams that the system does not take.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;

use super::super::backlog::RETRY;
use super::super::clock::SystemClock;
use super::super::inbox::Inbox;
use super::super::local::{Exchange, LocalSocket, Trouble};
use super::super::seat::{Parts, Plan, Role, Shared};
use super::super::socket::Socket;
use super::super::wakeups::Wakeups;
use super::{call, connect, eventually, serve, without_hanging};
use crate::endpoint::client::CallStatus;
use crate::endpoint::{Machine, Transmit};
use crate::host::{CallHost, ClientHost};
use crate::time::Timestamp;

const FULL: Trouble = Trouble { largest: None, room: Some(0), drops: false };

/// A machine that sends what it is told to.
#[derive(Default)]
struct Talker {
    unsent: VecDeque<(SocketAddr, Vec<u8>)>,
    too_large: Vec<(SocketAddr, usize)>,
    window: Option<usize>,
}

impl Machine for Talker {
    fn handle_datagram(&mut self, _: Timestamp, _: SocketAddr, _: Option<IpAddr>, _: &Bytes) {}

    fn handle_timeout(&mut self, _: Timestamp) {}

    fn poll_transmit(&mut self, _: Timestamp, out: &mut Vec<u8>) -> Option<Transmit> {
        let (to, content) = self.unsent.pop_front()?;
        out.extend_from_slice(&content);
        Some(Transmit { to, from: None, length: content.len() })
    }

    fn handle_send_refused(&mut self, _: Timestamp, to: SocketAddr, size: usize) {
        self.too_large.push((to, size));
    }

    fn set_receive_window(&mut self, bytes: usize) {
        assert!(self.unsent.is_empty(), "it was said before anything was sent");
        self.window = Some(bytes);
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        // It always has something to do.
        Some(Timestamp::ZERO)
    }
}

impl Role for Talker {
    type Machine = Self;

    fn machine(&mut self) -> &mut Self {
        self
    }

    fn on_death(&mut self, _: &mut Wakeups) {}
}

struct Stage {
    exchange: Arc<Exchange>,
    shared: Shared<Talker>,
    peer: LocalSocket,
}

impl Stage {
    fn new() -> Self {
        let exchange = Arc::new(Exchange::default());
        let parts = Parts::new().unwrap();
        let socket = Socket::from(exchange.open(parts.waker()));
        let clock = Arc::new(SystemClock::new());
        let shared = parts.assemble(socket, clock, Duration::ZERO, Talker::default()).unwrap();
        let peer = exchange.open(Parts::new().unwrap().waker());
        Self { exchange, shared, peer }
    }

    fn say(&self, content: impl Into<Vec<u8>>) {
        self.shared.lock().role.unsent.push_back((self.peer.local_addr(), content.into()));
    }

    fn flush(&self) {
        drop(self.shared.flush(self.shared.lock(), self.shared.now()));
    }

    fn heard(&self) -> Vec<Vec<u8>> {
        let mut inbox = Inbox::new();
        self.peer.receive(&mut inbox, 1000);
        inbox.drain().map(|datagram| datagram.content.to_vec()).collect()
    }

    /// One turn of a leader; says what it planned.
    fn turn(&self) -> Plan {
        let mut core = self.shared.lock();
        let mut leader = core.take_seat(&self.shared).expect("nobody leads");
        let plan = leader.plan(&mut core, None, false);
        drop(core);
        leader.proceed(plan).unwrap();
        let mut core = self.shared.lock();
        leader.deliver(&mut core, self.shared.now());
        leader.put_back(&mut core);
        plan
    }
}

#[test]
fn what_finds_no_room_waits_and_nothing_more_is_asked_for() {
    let stage = Stage::new();
    stage.turn();
    stage.exchange.make_trouble(Trouble { room: Some(3), ..FULL });
    for number in 0..10 {
        stage.say([number]);
    }
    stage.flush();
    assert_eq!(stage.heard(), [[0], [1], [2]]);
    for number in 10..15 {
        stage.say([number]);
    }
    stage.flush();
    assert_eq!(stage.shared.lock().role.unsent.len(), 5, "nobody asks while nothing can be sent");

    // There is always something due, and still the leader sleeps.
    let start = stage.shared.now();
    for _ in 0..10 {
        let before = stage.shared.now();
        let Plan::Sleep(until) = stage.turn() else { panic!("it does not sleep") };
        assert!(until >= before + RETRY && until <= stage.shared.now() + RETRY);
        stage.flush();
        assert!(stage.heard().is_empty());
    }
    // It may have been woken for nothing now and then.
    assert!(stage.shared.now() >= start + 3 * RETRY);

    stage.exchange.make_trouble(Trouble::default());
    stage.turn();
    stage.flush();
    let rest: Vec<_> = (3..15).map(|number| vec![number]).collect();
    assert_eq!(stage.heard(), rest, "everything, and in order");
    assert_eq!(stage.turn(), Plan::Sleep(Timestamp::ZERO), "it is all over");
}

#[test]
fn a_full_queue_of_a_device_loses_one_datagram_and_makes_a_pause() {
    let stage = Stage::new();
    stage.turn();
    stage.exchange.make_trouble(Trouble { drops: true, ..FULL });
    for number in 0..5 {
        stage.say([number]);
    }
    stage.flush();
    stage.exchange.make_trouble(Trouble::default());
    // It is not tried again because something else happens.
    let start = stage.shared.now();
    while stage.shared.lock().has_backlog() {
        stage.shared.wake_leader();
        stage.turn();
    }
    assert!(stage.shared.now() >= start + RETRY);
    assert_eq!(stage.heard(), [[1], [2], [3], [4]]);
}

#[test]
fn what_waits_is_bounded() {
    let stage = Stage::new();
    stage.exchange.make_trouble(FULL);
    let socket = Socket::from(stage.exchange.open(Parts::new().unwrap().waker()));
    let transmit = Transmit { to: stage.peer.local_addr(), from: None, length: 65_507 };
    for _ in 0..100 {
        socket.send(&[0; 65_507], &[transmit]);
    }
    let (bytes, transmits) = socket.backlog().release();
    assert_eq!((bytes.len(), transmits.len()), (16 * 65_507, 16));
}

#[test]
fn the_endpoint_hears_of_what_was_too_large_and_sends_the_rest() {
    let stage = Stage::new();
    stage.turn();
    stage.exchange.make_trouble(Trouble { largest: Some(1200), room: None, drops: false });
    for size in [1200, 1201, 5, 1201, 1202] {
        stage.say(vec![0; size]);
    }
    stage.flush();
    assert_eq!(stage.heard().iter().map(Vec::len).collect::<Vec<_>>(), [1200, 5]);
    let Plan::Sleep(_) = stage.turn() else { panic!("there is nothing to receive") };
    let to = stage.peer.local_addr();
    assert_eq!(stage.shared.lock().role.too_large, [(to, 1201), (to, 1202)]);
    stage.turn();
    assert_eq!(stage.shared.lock().role.too_large.len(), 2, "once");
}

#[test]
fn a_leader_that_sleeps_hears_of_what_others_could_not_send() {
    without_hanging(|| {
        let stage = Arc::new(Stage::new());
        stage.turn();
        let sleeper = {
            let stage = Arc::clone(&stage);
            thread::spawn(move || {
                let mut core = stage.shared.lock();
                let mut leader = core.take_seat(&stage.shared).unwrap();
                drop(core);
                // For ever, as far as it knows.
                leader.proceed(Plan::Sleep(Timestamp::NEVER)).unwrap();
                let mut core = stage.shared.lock();
                leader.deliver(&mut core, stage.shared.now());
                leader.put_back(&mut core);
            })
        };
        eventually("it leads", || !stage.shared.lock().has_seat());
        stage.exchange.make_trouble(Trouble { largest: Some(10), room: None, drops: false });
        stage.say([0; 11]);
        stage.flush();
        sleeper.join().unwrap();
        assert_eq!(stage.shared.lock().role.too_large.len(), 1);
    });
}

#[test]
fn the_window_is_what_the_queue_surely_holds() {
    let stage = Stage::new();
    let window = stage.shared.lock().role.window.expect("it was said");
    assert_eq!(window, stage.shared.receive_buffer / 2);
    let count = window / 65_507;
    assert!(count >= 16, "{count}");
    for _ in 0..count {
        stage.say(vec![0; 65_507]);
    }
    stage.flush();
    // A batch is bounded, so that handlers run and answers leave in between.
    let mut heard = 0;
    while heard < count {
        let batch = stage.heard().len();
        assert!((1..=4 + 1).contains(&batch), "{batch}");
        heard += batch;
    }
    assert_eq!(heard, count, "nothing was lost");
}

#[test]
fn a_call_that_nobody_waits_for_is_sent_when_there_is_room() {
    without_hanging(|| {
        let exchange = Arc::new(Exchange::default());
        let (_control, _server) = serve(&exchange, 1, |_| {});
        let (handle, client) = connect(&exchange);
        handle.call(call(0)).1.unwrap();
        exchange.make_trouble(FULL);
        let key = handle.submit(call(0));
        // What is held back for company is not sent at once.
        eventually("it waits", || client.shared.lock().has_backlog());
        exchange.make_trouble(Trouble::default());
        eventually("it is answered", || handle.status(key) == CallStatus::Finished);
        assert!(!client.shared.lock().has_backlog());
    });
}

#[test]
fn a_caller_waits_until_there_is_room() {
    without_hanging(|| {
        let exchange = Arc::new(Exchange::default());
        let (_control, _server) = serve(&exchange, 1, |_| {});
        let (handle, client) = connect(&exchange);
        handle.call(call(0)).1.unwrap();
        exchange.make_trouble(FULL);
        let caller = {
            let handle = Arc::clone(&handle);
            thread::spawn(move || handle.call(call(0)).1.unwrap())
        };
        eventually("it waits", || client.shared.lock().has_backlog());
        exchange.make_trouble(Trouble::default());
        caller.join().unwrap();
        assert!(!client.shared.lock().has_backlog());
    });
}
