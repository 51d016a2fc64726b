//! Sending large messages over one path: what goes next, when, and what was lost.
//!
//! Every datagram that carries a part of a message has a number of its own, which is never used again,
//! as in QUIC (RFC 9000, section 12.3). So it is always plain which copy has arrived, and loss is
//! recovered as in RFC 9002.

use core::ops::Range;
use core::time::Duration;
use std::collections::VecDeque;

use super::congestion::Congestion;
use super::message::Message;
use super::pacer::Pacer;
use super::path_size::PathSize;
use super::received::Acknowledgement;
use super::round_trip::RoundTrip;
use crate::config::BASE_DATAGRAM_SIZE;
use crate::time::Timestamp;

/// RFC 9002, section 6.1.1: a datagram counts as lost when one this much newer has arrived. It is more on a
/// path that has been seen to let datagrams overtake each other by more.
const REORDERING: u64 = 3;

/// No more than this: the receiver tells of no older ones.
const MOST_REORDERING: u64 = 1000;

/// How much later than expected a datagram may be before it counts as lost, on a path that has been seen to
/// delay some of them by so much. The round trip, if that is longer.
const MOST_LATENESS: Duration = Duration::from_millis(10);

/// How many datagrams are remembered that were given up.
const MOST_REMEMBERED: usize = 4096;

/// The longest wait before something is sent to find out what has arrived.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(2);

/// The fastest path that is made full use of, in bytes a second: 100 Gbit/s.
const FASTEST_PATH: f64 = 12.5e9;

/// How much may always be under way, however short the round trip: a receiver that is being scheduled
/// has something to read meanwhile.
const SHORTEST_QUEUE: usize = 512 * 1024;

/// After so many time-outs in a row, what is sent to break the silence is small.
const CAUTIOUS_FROM: u32 = 2;

/// How much is given out at one moment, so that small calls never wait long behind it.
const LARGEST_TURN: usize = 128 * 1024;

/// Names a message: its call's lane and sequence number.
pub type Key = (u16, u64);

/// A datagram to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// With this part of a message.
    Part {
        /// The number of the datagram.
        number: u64,
        /// The message.
        key: Key,
        /// Which of its bytes.
        part: Range<usize>,
    },
    /// With nothing but a number: it asks what has arrived, or, where it has a size, whether datagrams
    /// of that size arrive.
    Probe {
        /// The number of the datagram.
        number: u64,
        /// To what size it is to be filled up.
        size: Option<usize>,
    },
}

#[derive(Clone, Debug)]
struct Datagram {
    sent_at: Timestamp,
    size: usize,
    content: Content,
    /// Whether it has neither arrived nor been given up.
    is_open: bool,
    /// When it was given up, if it was and may arrive yet.
    lost_at: Timestamp,
}

impl Datagram {
    /// What it takes of the window. A probe of the path takes nothing: there is one at a time, and messages
    /// do not wait for what comes of it.
    fn charge(&self) -> usize {
        if matches!(self.content, Content::PathProbe) { 0 } else { self.size }
    }
}

#[derive(Clone, Debug)]
enum Content {
    Part(Key, Range<usize>),
    PathProbe,
    Question,
}

/// The sending half of one path.
#[derive(Debug)]
pub struct Sender {
    messages: Vec<(Key, Message)>,
    /// Which message has its turn.
    turn: usize,
    /// The datagrams from number `first` on.
    datagrams: VecDeque<Datagram>,
    first: u64,
    in_flight: usize,
    newest_acknowledged: u64,
    /// By how many newer datagrams one was overtaken and arrived after all.
    reordering: u64,
    /// How much later than the round trip lets expect.
    lateness: Duration,
    round_trip: RoundTrip,
    congestion: Congestion,
    pacer: Pacer,
    path_size: PathSize,
    /// What the receiver's socket surely holds.
    receive_window: usize,
    /// When a datagram that is not lost yet will count as lost.
    loss_at: Timestamp,
    /// Time-outs since anything was heard.
    timeouts: u32,
    /// Time-outs since the receiver last let the sender go on.
    refusals: u32,
    /// Datagrams that may be sent although the window is full.
    extra: u8,
    /// When something was last sent that is answered.
    last_sent_at: Timestamp,
    /// When the window or the pacer lets the next datagram go.
    resume_at: Timestamp,
    /// The present moment and what was given out in it.
    moment: (Timestamp, usize),
}

impl Sender {
    /// A path on which nothing was sent.
    ///
    /// `round_trip` is the best guess so far; `largest_datagram` is never exceeded; the receiver's
    /// socket holds `receive_window` bytes.
    pub fn new(
        now: Timestamp,
        round_trip: Duration,
        largest_datagram: usize,
        receive_window: usize,
    ) -> Self {
        // Several of them have to fit the receiver's socket, or each would wait for the one before.
        let largest_datagram = largest_datagram.min(receive_window / 4);
        let path_size = PathSize::new(largest_datagram.max(BASE_DATAGRAM_SIZE));
        Self {
            messages: Vec::new(),
            turn: 0,
            datagrams: VecDeque::new(),
            first: 1,
            in_flight: 0,
            newest_acknowledged: 0,
            reordering: REORDERING,
            lateness: Duration::ZERO,
            round_trip: RoundTrip::guessed(round_trip),
            congestion: Congestion::new(path_size.current()),
            pacer: Pacer::new(now),
            path_size,
            receive_window,
            loss_at: Timestamp::NEVER,
            timeouts: 0,
            refusals: 0,
            extra: 0,
            last_sent_at: now,
            resume_at: Timestamp::NEVER,
            moment: (now, 0),
        }
    }

    /// Begins to send a message. One with this key must not be under way.
    pub fn add(&mut self, now: Timestamp, key: Key, message: Message) {
        debug_assert!(self.get(key).is_none(), "a message is sent once");
        if self.messages.is_empty() {
            // Nobody has waited for what was under way, so that nothing is known of it.
            self.first += self.datagrams.len() as u64;
            self.datagrams.clear();
            self.in_flight = 0;
            self.path_size.on_forgotten();
            (self.timeouts, self.refusals, self.extra, self.last_sent_at) = (0, 0, 0, now);
            self.loss_at = Timestamp::NEVER;
        }
        self.messages.push((key, message));
    }

    /// The message of this key, if it is under way.
    pub fn get(&self, key: Key) -> Option<&Message> {
        self.messages.iter().find(|(own, _)| *own == key).map(|(_, message)| message)
    }

    /// Stops sending a message.
    pub fn remove(&mut self, key: Key) {
        self.messages.retain(|(own, _)| *own != key);
    }

    /// The key of a message that is under way, if there is any.
    pub fn any_key(&self) -> Option<Key> {
        self.messages.first().map(|(key, _)| *key)
    }

    /// Whether no message is under way.
    pub fn is_idle(&self) -> bool {
        self.messages.is_empty()
    }

    /// The size of datagrams that the path is known to carry.
    pub fn datagram_size(&self) -> usize {
        self.path_size.current()
    }

    /// Bytes that were sent and of which it is not known whether they arrived.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// The receiver takes everything before `limit` of this message.
    pub fn raise_limit(&mut self, key: Key, limit: usize) {
        let message = find(&mut self.messages, key);
        if message.is_some_and(|message| message.raise_limit(limit)) {
            self.refusals = 0;
        }
    }

    /// The next datagram to write, if one may be sent now. A part comes with `overhead` bytes around
    /// it.
    pub fn poll(&mut self, now: Timestamp, overhead: usize) -> Option<Outgoing> {
        if self.messages.is_empty() {
            return None;
        }
        self.resume_at = Timestamp::NEVER;
        if self.moment.0 != now {
            self.moment = (now, 0);
        }
        if let Some(size) = self.path_size.next_probe(now) {
            let number = self.record(now, size, Content::PathProbe);
            return Some(Outgoing::Probe { number, size: Some(size) });
        }
        if self.extra > 0 && !self.messages.iter().any(|(_, message)| message.wants_to_send()) {
            self.extra = 0;
            let number = self.record(now, overhead, Content::Question);
            return Some(Outgoing::Probe { number, size: None });
        }
        // What is heard of small datagrams after a long silence tells whether large ones do not pass.
        let is_cautious = self.extra > 0 && self.timeouts >= CAUTIOUS_FROM;
        let size = if is_cautious { self.path_size.safe() } else { self.path_size.current() };
        if self.extra == 0 && !self.may_send(now, size) {
            return None;
        }
        let (key, part) = self.next_part(size - overhead)?;
        self.extra = self.extra.saturating_sub(1);
        let size = overhead + part.len();
        self.pacer.take(size);
        self.moment.1 += size;
        let number = self.record(now, size, Content::Part(key, part.clone()));
        Some(Outgoing::Part { number, key, part })
    }

    /// When [`on_timeout`](Self::on_timeout) or [`poll`](Self::poll) has something to do.
    pub fn timeout(&self) -> Timestamp {
        if self.messages.is_empty() {
            return Timestamp::NEVER;
        }
        let asks_at = self.last_sent_at + self.wait();
        self.resume_at.min(self.loss_at).min(asks_at)
    }

    /// Acts on what is due.
    pub fn on_timeout(&mut self, now: Timestamp) {
        if self.messages.is_empty() {
            return;
        }
        if now >= self.loss_at {
            self.detect_loss(now);
        } else if now >= self.last_sent_at + self.wait() {
            // Nothing was heard of the last datagrams: send two more and see (RFC 9002, section 6.2.4).
            self.timeouts = self.timeouts.saturating_add(1);
            self.refusals = if self.is_blocked() { self.refusals.saturating_add(1) } else { 0 };
            self.last_sent_at = now;
            self.extra = 2;
            let open = |datagram: &&Datagram| datagram.is_open;
            for datagram in self.datagrams.iter().filter(open).take(2) {
                repeat(&mut self.messages, &datagram.content);
            }
        }
    }

    /// Takes what the receiver says about the datagrams that arrived. The messages that have arrived
    /// completely by now are not under way any more, and are named.
    pub fn on_acknowledgement(
        &mut self,
        now: Timestamp,
        acknowledgement: &Acknowledgement<'_>,
    ) -> Vec<Key> {
        let end = self.first + self.datagrams.len() as u64;
        if acknowledgement.newest >= end {
            // It speaks of what was never sent.
            return Vec::new();
        }
        let was_full = self.is_full();
        let (mut has_news, mut largest_news) = (false, 0);
        for number in self.first..=acknowledgement.newest {
            let index = (number - self.first) as usize;
            let datagram = &mut self.datagrams[index];
            if !acknowledgement.contains(number) {
                continue;
            }
            if !datagram.is_open {
                self.on_late(now, number);
                continue;
            }
            datagram.is_open = false;
            self.in_flight -= datagram.charge();
            let datagram = datagram.clone();
            has_news = true;
            largest_news = largest_news.max(datagram.size);
            if number == acknowledgement.newest {
                let sample = now.since(datagram.sent_at).saturating_sub(acknowledgement.held);
                self.round_trip.on_sample(sample);
            }
            self.on_arrived(now, &datagram, was_full);
        }
        if has_news {
            let was_silent = core::mem::take(&mut self.timeouts) >= CAUTIOUS_FROM;
            if was_silent
                && largest_news <= self.path_size.safe()
                && self.has_larger_before(acknowledgement.newest)
                && self.path_size.on_only_small_ones()
            {
                self.on_smaller_path();
            }
            self.newest_acknowledged = self.newest_acknowledged.max(acknowledgement.newest);
            self.detect_loss(now);
        }
        self.take_arrived()
    }

    /// A datagram has arrived that may have been given up: then the path delays some of them, and more
    /// patience is needed than was thought (RFC 9002, section 6.1.1).
    fn on_late(&mut self, now: Timestamp, number: u64) {
        let datagram = &mut self.datagrams[(number - self.first) as usize];
        let lost_at = core::mem::replace(&mut datagram.lost_at, Timestamp::NEVER);
        if lost_at == Timestamp::NEVER {
            return;
        }
        let (sent_at, content) = (datagram.sent_at, datagram.content.clone());
        let overtaken = (self.newest_acknowledged.saturating_sub(number) + 1).min(MOST_REORDERING);
        self.reordering = self.reordering.max(overtaken);
        let late = now.since(sent_at).saturating_sub(self.round_trip.patience());
        let most = MOST_LATENESS.max(self.round_trip.smoothed);
        self.lateness = self.lateness.max(late.min(most));
        self.congestion.on_spurious_loss(lost_at);
        if let Content::Part(key, part) = content
            && let Some(message) = find(&mut self.messages, key)
        {
            message.on_arrived(part);
        }
    }

    /// The system did not send a datagram of this size, because it is too large for the path.
    pub fn on_refused(&mut self, now: Timestamp, size: usize) {
        if self.path_size.on_refused(now, size) {
            self.on_smaller_path();
        }
    }

    /// The path is another one: whatever was known of it is void, and everything that is under way is
    /// sent again.
    pub fn on_new_path(&mut self, now: Timestamp, largest_datagram: usize, receive_window: usize) {
        let (round_trip, messages) =
            (self.round_trip.smoothed, core::mem::take(&mut self.messages));
        let end = self.first + self.datagrams.len() as u64;
        let open: Vec<_> = self.datagrams.drain(..).filter(|datagram| datagram.is_open).collect();
        *self = Self::new(now, round_trip, largest_datagram, receive_window);
        self.messages = messages;
        self.first = end;
        for datagram in open {
            repeat(&mut self.messages, &datagram.content);
        }
    }

    fn may_send(&mut self, now: Timestamp, size: usize) -> bool {
        if !self.messages.iter().any(|(_, message)| message.wants_to_send()) || self.is_full() {
            return false;
        }
        if self.moment.1 >= LARGEST_TURN {
            // The next moment, also where time stands still until something is due.
            self.resume_at = now + Duration::from_nanos(1);
            return false;
        }
        let (window, round_trip) = (self.congestion.window(), self.round_trip.smoothed);
        let wait = self.pacer.wait(now, size, window, round_trip, size);
        if let Some(at) = wait {
            self.resume_at = at;
        }
        wait.is_none()
    }

    /// Whether anything that not every path carries was sent before this datagram and is not known to have
    /// arrived.
    fn has_larger_before(&self, number: u64) -> bool {
        let safe = self.path_size.safe();
        let older = self.datagrams.iter().take((number - self.first) as usize);
        older.filter(|datagram| datagram.charge() > safe).any(|datagram| datagram.is_open)
    }

    /// Whether only the receiver's limits keep everything from going on.
    fn is_blocked(&self) -> bool {
        self.messages.iter().all(|(_, message)| message.is_blocked())
    }

    /// Whether no full datagram may be sent before something is heard.
    fn is_full(&self) -> bool {
        let size = self.path_size.current();
        let window = self.congestion.window().min(self.useful_window()).max(size);
        self.in_flight + size > window
    }

    /// No more than this under way makes anything faster: what the fastest path carries in a round trip,
    /// and what the receiver's socket holds. More would only wait in that socket, and small calls behind
    /// it.
    fn useful_window(&self) -> usize {
        let carried = self.round_trip.shortest.as_secs_f64() * FASTEST_PATH;
        (carried as usize).max(SHORTEST_QUEUE).min(self.receive_window)
    }

    /// The next part, from the messages in turn.
    fn next_part(&mut self, room: usize) -> Option<(Key, Range<usize>)> {
        for _ in 0..self.messages.len() {
            self.turn = (self.turn + 1) % self.messages.len();
            let (key, message) = &mut self.messages[self.turn];
            if let Some(part) = message.next(room) {
                return Some((*key, part));
            }
        }
        None
    }

    fn record(&mut self, now: Timestamp, size: usize, content: Content) -> u64 {
        self.last_sent_at = now;
        let lost_at = Timestamp::NEVER;
        let datagram = Datagram { sent_at: now, size, content, is_open: true, lost_at };
        self.in_flight += datagram.charge();
        self.datagrams.push_back(datagram);
        self.first + self.datagrams.len() as u64 - 1
    }

    /// How long to wait for news.
    fn wait(&self) -> Duration {
        let tries = self.timeouts.max(self.refusals).min(16);
        let wait = self.round_trip.timeout().saturating_mul(1 << tries);
        wait.min(LONGEST_TIMEOUT)
    }

    fn on_arrived(&mut self, now: Timestamp, datagram: &Datagram, was_full: bool) {
        let Datagram { sent_at, size, content, .. } = datagram;
        let is_probe = matches!(content, Content::PathProbe);
        let before = self.path_size.current();
        self.path_size.on_arrived(now, *size, is_probe);
        if self.path_size.current() != before {
            self.congestion.set_datagram_size(self.path_size.current());
        }
        // What the receiver's socket holds is limit enough on a path without congestion.
        if self.congestion.window() < self.useful_window() {
            self.congestion.on_acknowledged(datagram.charge(), *sent_at, was_full);
        }
        if let Content::Part(key, part) = content
            && let Some(message) = find(&mut self.messages, *key)
        {
            message.on_arrived(part.clone());
        }
    }

    /// Gives up what something much newer has overtaken, or what it has overtaken for long
    /// (RFC 9002, section 6.1).
    fn detect_loss(&mut self, now: Timestamp) {
        self.loss_at = Timestamp::NEVER;
        let patience = self.round_trip.patience() + self.lateness;
        let mut run: Option<(Timestamp, Timestamp)> = None;
        let mut longest_run = Duration::ZERO;
        let mut is_smaller = false;
        let newest = self.newest_acknowledged;
        for number in self.first..newest.min(self.first + self.datagrams.len() as u64) {
            let datagram = &mut self.datagrams[(number - self.first) as usize];
            if !datagram.is_open {
                run = None;
                continue;
            }
            let lost_at = datagram.sent_at + patience;
            if number + self.reordering > newest && lost_at > now {
                self.loss_at = self.loss_at.min(lost_at);
                continue;
            }
            datagram.is_open = false;
            datagram.lost_at = now;
            self.in_flight -= datagram.charge();
            let is_probe = matches!(datagram.content, Content::PathProbe);
            is_smaller |= self.path_size.on_lost(now, datagram.size, is_probe);
            if is_probe {
                // Its loss says something about the size, not about congestion (RFC 9000, 14.4).
                continue;
            }
            repeat(&mut self.messages, &datagram.content);
            self.congestion.on_lost(now, datagram.sent_at);
            let since = run.map_or(datagram.sent_at, |(since, _)| since);
            run = Some((since, datagram.sent_at));
            longest_run = longest_run.max(datagram.sent_at.since(since));
        }
        // RFC 9002, section 7.6.
        if self.round_trip.has_sample && longest_run > self.round_trip.timeout() * 3 {
            self.congestion.on_persistent_congestion();
        }
        if is_smaller {
            self.on_smaller_path();
        }
        self.forget_settled(now);
    }

    /// Forgets the oldest datagrams, as far as nothing more will be heard of them.
    fn forget_settled(&mut self, now: Timestamp) {
        let late = self.round_trip.smoothed * 2 + MOST_LATENESS;
        let has_many = |datagrams: &VecDeque<Datagram>| datagrams.len() > MOST_REMEMBERED;
        while let Some(oldest) = self.datagrams.front()
            && !oldest.is_open
            && (oldest.lost_at == Timestamp::NEVER
                || oldest.lost_at + late <= now
                || has_many(&self.datagrams))
        {
            self.datagrams.pop_front();
            self.first += 1;
        }
    }

    /// The path carries less than was thought: nothing that is under way will arrive.
    fn on_smaller_path(&mut self) {
        let size = self.path_size.current();
        self.congestion.set_datagram_size(size);
        for datagram in self.datagrams.iter_mut().filter(|datagram| datagram.is_open) {
            if datagram.size > size {
                datagram.is_open = false;
                self.in_flight -= datagram.charge();
                repeat(&mut self.messages, &datagram.content);
            }
        }
    }

    fn take_arrived(&mut self) -> Vec<Key> {
        let has_arrived = |(_, message): &(Key, Message)| message.has_arrived();
        if !self.messages.iter().any(has_arrived) {
            return Vec::new();
        }
        let arrived =
            self.messages.iter().filter(|it| has_arrived(it)).map(|(key, _)| *key).collect();
        self.messages.retain(|it| !has_arrived(it));
        if self.messages.is_empty() {
            // Many sessions that once had a large message should not keep the memory of its datagrams.
            self.datagrams.shrink_to(16);
        }
        arrived
    }
}

fn find(messages: &mut [(Key, Message)], key: Key) -> Option<&mut Message> {
    messages.iter_mut().find(|(own, _)| *own == key).map(|(_, message)| message)
}

/// Lines up for sending what a datagram carried.
fn repeat(messages: &mut [(Key, Message)], content: &Content) {
    if let Content::Part(key, part) = content
        && let Some(message) = find(messages, *key)
    {
        message.on_lost(part.clone());
    }
}
