//! What an enemy, or an accident, may send.

use super::*;
use crate::wire::samples::{self, About};

#[test]
fn garbage_changes_nothing_and_is_counted() {
    let mut pair = Pair::new();
    pair.open();
    let mut random = fastrand::Rng::with_seed(5);
    let now = pair.now();
    let from = pair.client_address;
    for _ in 0..2000 {
        let garbage: Vec<u8> = (0..random.usize(0..1500)).map(|_| random.u8(..)).collect();
        pair.server.handle_datagram(now, from, None, &Bytes::from(garbage));
    }
    let received = pair.server.statistics().received;
    assert_eq!(received.datagrams, received.accepted + received.dropped_total());
    assert_eq!(received.dropped_total(), 2000);
    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"y"));
    pair.deliver();
    assert_eq!(pair.reply(key), "y");
}

/// Everything that the server has to send to one address, in bytes.
fn answers(pair: &mut Pair, to: SocketAddr) -> Vec<usize> {
    let now = pair.now();
    let mut lengths = Vec::new();
    let mut out = Vec::new();
    while let Some(transmit) = pair.server.poll_transmit(now, &mut out) {
        if transmit.to == to {
            lengths.push(transmit.length);
        }
    }
    lengths
}

#[test]
fn no_answer_to_an_unproven_address_is_larger_than_its_cause() {
    let mut pair = Pair::new();
    pair.open();
    let session = pair.session_id();
    let stranger: SocketAddr = "198.51.100.7:53".parse().unwrap();
    let now = pair.now();
    let mut answered = 0;
    for id in [session, session ^ 1, 0] {
        for sent in samples::all(&About::session(id)) {
            let length = sent.len();
            pair.server.handle_datagram(now, stranger, None, &Bytes::from(sent));
            let lengths = answers(&mut pair, stranger);
            assert!(lengths.len() <= 1, "{lengths:?}");
            answered += lengths.len();
            assert!(lengths.iter().all(|&answer| answer < length), "{lengths:?} for {length}");
        }
    }
    // Nine frames for a session at another address and for two that do not exist; HELLO and its
    // foreign kind, thrice.
    assert_eq!(answered, 3 * 9 + 3 * 2);
    assert_eq!(pair.server.statistics().sessions, 1);
    // With a cookie the address is proven, and the answer is still no larger.
    let mut out = Vec::new();
    messages::write_hello(&mut out, 6);
    pair.server.handle_datagram(now, stranger, None, &Bytes::from(out));
    let mut out = Vec::new();
    pair.server.poll_transmit(now, &mut out).unwrap();
    let (nonce, cookie) = messages::parse_challenge(Header::parse(&out).unwrap().1).unwrap();
    let mut out = Vec::new();
    messages::write_open(
        &mut out,
        &Open { nonce, cookie, previous: 0, largest_reply: 1000, receive_window: 1000 },
    );
    let length = out.len();
    pair.server.handle_datagram(now, stranger, None, &Bytes::from(out));
    assert_eq!(answers(&mut pair, stranger), [length]);
}

#[test]
fn strangers_are_told_so_at_a_limited_rate() {
    let mut pair = Pair::new();
    let stranger: SocketAddr = "198.51.100.7:53".parse().unwrap();
    let now = pair.now();
    let mut hints = 0;
    for id in 1..1000 {
        let probe = samples::client_frames(&About::session(id)).swap_remove(2);
        pair.server.handle_datagram(now, stranger, None, &Bytes::from(probe));
        hints += answers(&mut pair, stranger).len();
    }
    assert_eq!(hints, 40);
}

#[test]
fn two_servers_wired_together_fall_silent() {
    let mut servers = [Pair::new(), Pair::new()];
    servers.iter_mut().for_each(Pair::open);
    let addresses: [SocketAddr; 2] =
        ["198.51.100.1:1000".parse().unwrap(), "198.51.100.2:1000".parse().unwrap()];
    let sessions = [servers[0].session_id(), servers[1].session_id()];
    for session in [sessions[0], sessions[1], 12345] {
        for datagram in samples::all(&About::session(session)) {
            let mut at = 0;
            let mut wire = VecDeque::from([Bytes::from(datagram)]);
            let mut hops = 0;
            while let Some(datagram) = wire.pop_front() {
                hops += 1;
                assert!(hops <= 2, "an answer was answered");
                let now = servers[at].now();
                servers[at].server.handle_datagram(now, addresses[1 - at], None, &datagram);
                let mut out = Vec::new();
                while servers[at].server.poll_transmit(now, &mut out).is_some() {
                    wire.push_back(Bytes::from(core::mem::take(&mut out)));
                }
                at = 1 - at;
            }
        }
    }
}

/// One of the datagrams with a few fields changed and the checksum made right again.
fn mutate(random: &mut fastrand::Rng, datagrams: &[Vec<u8>]) -> Vec<u8> {
    let datagram = &datagrams[random.usize(..datagrams.len())];
    let mut out = datagram[..datagram.len() - integrity::LENGTH].to_vec();
    for _ in 0..random.usize(1..4) {
        let width = [1, 2, 4, 8][random.usize(..4)].min(out.len());
        // Mostly where the fields are, seldom in the padding.
        let reach = if random.u8(..) < 230 { out.len().min(80) } else { out.len() };
        let at = random.usize(..=reach - width);
        let value = match random.u8(..5) {
            0 => 0,
            1 => u64::MAX,
            2 => random.u64(..300),
            3 => random.u64(..),
            _ => 1 << random.u32(..64),
        };
        out[at..at + width].copy_from_slice(&value.to_be_bytes()[8 - width..]);
    }
    match random.u8(..8) {
        0 => out.truncate(random.usize(..=out.len())),
        1 => out.extend((0..random.usize(..40)).map(|_| random.u8(..))),
        2 => out.extend_from_within(HEADER_LENGTH.min(out.len())..),
        _ => {}
    }
    integrity::seal(&mut out, 0);
    out
}

#[test]
fn mutated_datagrams_change_no_honest_outcome() {
    let mut random = fastrand::Rng::with_seed(11);
    let mut pair = Pair::new();
    pair.open();
    let honest = pair.session_id();
    let (client_address, server_address) = (pair.client_address, pair.server_address);
    // A second client has a session of its own and misuses it in every way.
    let enemy_address: SocketAddr = "192.0.2.66:666".parse().unwrap();
    let mut ran_for_the_enemy = 0;
    for _ in 0..6 {
        let enemy = open_another(&mut pair, enemy_address, random.u128(..));
        let mut seeds = samples::all(&About::session(honest));
        let mut frames = samples::client_frames(&About::session(enemy));
        // The last of them is CLOSE, which would end the game soon.
        frames.pop();
        frames.push(samples::frames(Role::Client, enemy, |out| {
            (0..70).for_each(|_| frame::write_probe(out, About::session(enemy).subject));
        }));
        seeds.extend(frames.into_iter().cycle().take(90));
        for round in 0..150 {
            let deadline = Some(Duration::from_secs(60));
            let key = pair.submit(NewCall { deadline, ..call(ECHO, b"honest") });
            for _ in 0..20 {
                let datagram = Bytes::from(mutate(&mut random, &seeds));
                let now = pair.now();
                pair.server.handle_datagram(now, enemy_address, None, &datagram);
                // To the client from elsewhere: whoever forges its server's address as well needs
                // only to guess the session.
                pair.client.handle_datagram(now, enemy_address, None, &datagram);
                let elsewhere = guess_another_session(&datagram, honest);
                pair.client.handle_datagram(now, server_address, None, &elsewhere);
                pair.server.handle_datagram(now, client_address, None, &elsewhere);
            }
            answers(&mut pair, enemy_address);
            pair.pass(Duration::from_millis(if round % 10 == 0 { 700 } else { 3 }), |pair| {
                pair.deliver();
                while let Some(ready) = pair.server.take_ready(pair.now()) {
                    ready.context.enter();
                    let reply = if ready.body == "honest" { "yes" } else { "no" };
                    ran_for_the_enemy += u32::from(reply == "no");
                    pair.server.complete(ready.token, result(reply.as_bytes()));
                }
                pair.deliver();
            });
            assert_eq!(pair.reply(key), "yes");
            pair.client.release(key);
            while pair.client.poll_finished().is_some() {}
        }
    }
    assert_eq!(pair.client.statistics().sessions_opened, 1);
    let received = pair.server.statistics().received;
    assert_eq!(received.datagrams, received.accepted + received.dropped_total());
    assert!(received.accepted > 4000, "{received:?}");
    assert_ne!(ran_for_the_enemy, 0);
}

/// The same datagram, unless it happens to name the honest session.
fn guess_another_session(datagram: &Bytes, honest: u64) -> Bytes {
    let Ok((header, _)) = Header::parse(datagram) else { return datagram.clone() };
    if header.session != honest {
        return datagram.clone();
    }
    let mut out = datagram[..datagram.len() - integrity::LENGTH].to_vec();
    out[4] ^= 1;
    integrity::seal(&mut out, 0);
    Bytes::from(out)
}

/// Opens a session for `address` by hand.
fn open_another(pair: &mut Pair, address: SocketAddr, nonce: u128) -> u64 {
    let now = pair.now();
    pair.lose_everything();
    let mut out = Vec::new();
    messages::write_hello(&mut out, nonce);
    pair.server.handle_datagram(now, address, None, &Bytes::from(out));
    let mut out = Vec::new();
    pair.server.poll_transmit(now, &mut out).unwrap();
    let (nonce, cookie) = messages::parse_challenge(Header::parse(&out).unwrap().1).unwrap();
    let mut out = Vec::new();
    messages::write_open(
        &mut out,
        &Open { nonce, cookie, previous: 0, largest_reply: 1000, receive_window: 1000 },
    );
    pair.server.handle_datagram(now, address, None, &Bytes::from(out));
    let mut out = Vec::new();
    pair.server.poll_transmit(now, &mut out).unwrap();
    messages::parse_welcome(Header::parse(&out).unwrap().1).unwrap().session
}

#[test]
fn a_hostile_server_cannot_make_a_client_panic_or_turn_for_ever() {
    let mut random = fastrand::Rng::with_seed(12);
    for seed in 0..40 {
        let mut pair = Pair::new();
        let now = pair.now();
        let servers = vec![pair.server_address];
        pair.client = ClientEndpoint::new(ClientConfig::default(), servers, entropy(seed), now);
        pair.open();
        let session = pair.session_id();
        let mut seeds = samples::all(&About::session(session));
        seeds.retain(|datagram| datagram[3] & 0x80 != 0);
        for _ in 0..100 {
            let deadline = Some(Duration::from_millis(random.u64(1..2000)));
            let method = [ECHO, LOOKUP, LOG][random.usize(..3)];
            let key = pair.submit(NewCall { deadline, ..call(method, b"x") });
            let now = pair.now();
            for _ in 0..10 {
                let mut datagram = mutate(&mut random, &seeds);
                // The lanes and numbers in use, more often than not.
                if datagram.len() > 40 && random.bool() {
                    datagram.truncate(datagram.len() - integrity::LENGTH);
                    datagram[14..16].copy_from_slice(&random.u16(..3).to_be_bytes());
                    datagram[20..28].copy_from_slice(&random.u64(..150).to_be_bytes());
                    datagram[16..18].copy_from_slice(&random.u16(..6).to_be_bytes());
                    integrity::seal(&mut datagram, 0);
                }
                let from = pair.server_address;
                pair.client.handle_datagram(now, from, None, &Bytes::from(datagram));
            }
            pair.pass(Duration::from_millis(random.u64(..300)), Pair::deliver);
            match random.u8(..4) {
                0 => pair.client.release(key),
                1 => pair.client.cancel(key),
                2 => pair.client.detach(key),
                _ => {}
            }
        }
        pair.pass(Duration::from_secs(60), Pair::deliver);
        assert_eq!(pair.client.open_calls(), 0);
    }
}
