//! E1 and E2: datagrams that are not well formed, or not as they were sent.

use super::*;
use crate::wire::{DATAGRAM_OVERHEAD, samples};

use self::Expect::{Dropped, DroppedSomehow, Told};

fn probe(peer: &Peer) -> Vec<u8> {
    of_client(peer.session, |out| frame::write_probe(out, subject(DONE, NUMBER)))
}

/// The same with other bytes in some place, and a right checksum.
fn with(mut datagram: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    datagram[at..at + bytes.len()].copy_from_slice(bytes);
    sealed(datagram)
}

/// The same with its checksum made right.
fn sealed(mut datagram: Vec<u8>) -> Vec<u8> {
    datagram.truncate(datagram.len() - integrity::LENGTH);
    integrity::seal(&mut datagram, 0);
    datagram
}

fn hello(nonce: u128) -> Vec<u8> {
    let mut out = Vec::new();
    messages::write_hello(&mut out, nonce);
    out
}

fn headers(stage: &mut Stage) -> Vec<Item> {
    use DropReason::{Malformed, Truncated, WrongMagic, WrongRole, WrongVersion};
    let (peer, stranger) = (stage.honest[0], stage.stranger);
    let (from, good) = (peer.address, probe(&peer));
    let mut old_hello = hello(7);
    old_hello[2] = 0;
    let mut new_hello = hello(7);
    new_hello[2] = 255;
    let swapped = good.chunks(2).flat_map(|pair| pair.iter().rev().copied()).collect();
    vec![
        item("1: empty", from, Vec::new(), Dropped(Truncated)),
        item("2: one byte", from, vec![0xfa], Dropped(Truncated)),
        item("3: header - 1", from, good[..HEADER_LENGTH - 1].to_vec(), Dropped(Truncated)),
        item("3: no body", from, good[..DATAGRAM_OVERHEAD - 1].to_vec(), Dropped(Truncated)),
        item("4: header only", from, of_client(peer.session, |_| {}), Dropped(Malformed)),
        item("5: wrong magic", from, with(good.clone(), 0, b"GE"), Dropped(WrongMagic)),
        item("6: lower version", from, with(good.clone(), 2, &[0]), Dropped(WrongVersion)),
        item("6: HELLO, lower", stranger, old_hello, Told(WrongVersion)),
        item("7: higher version", from, with(good.clone(), 2, &[2]), Dropped(WrongVersion)),
        item("7: HELLO, higher", stranger, new_hello, Told(WrongVersion)),
        item("8: kind 9", from, with(good.clone(), 3, &[9]), Dropped(Malformed)),
        item("8: kind 127", from, with(good.clone(), 3, &[127]), Dropped(Malformed)),
        item("9: flags", from, with(good.clone(), HEADER_LENGTH + 1, &[1]), Dropped(Malformed)),
        item(
            "10: length",
            from,
            with(good.clone(), HEADER_LENGTH + 6, &[0, 1]),
            Dropped(Malformed),
        ),
        item("11: junk behind", from, sealed([&good[..], &[1; 9]].concat()), Dropped(Malformed)),
        item("12: zeros", from, vec![0; 65_507], Dropped(WrongMagic)),
        item("13: ones", from, vec![0xff; 65_507], Dropped(WrongMagic)),
        item("15: two at once", from, [&good[..], &good].concat(), Dropped(DropReason::Corrupt)),
        item("16: of a server", from, with(good.clone(), 3, &[0x80]), Dropped(WrongRole)),
        item("16: a client's kind", from, with(good.clone(), 3, &[6]), Dropped(Malformed)),
        item("20: bytes swapped", from, swapped, Dropped(WrongMagic)),
    ]
}

/// Nobody can have these addresses, so whoever gives one wants others to be answered.
fn sources(_stage: &mut Stage) -> Vec<Item> {
    let unknown = of_client(77, |out| frame::write_probe(out, subject(1, 1)));
    let mut foreign = hello(7);
    foreign[2] = 9;
    let mut items = Vec::new();
    for from in ["255.255.255.255:9", "224.0.0.1:9", "[ff02::1]:9", "0.0.0.0:9", "192.0.2.9:0"] {
        let from: SocketAddr = from.parse().expect("it is an address");
        items.push(item("19: HELLO", from, hello(7), Dropped(DropReason::WrongAddress)));
        items.push(item("19: frames", from, unknown.clone(), DroppedSomehow));
        items.push(item("19: foreign", from, foreign.clone(), DroppedSomehow));
    }
    items
}

fn changed(stage: &mut Stage) -> Vec<Item> {
    use DropReason::Corrupt;
    let peer = stage.honest[0];
    let (from, good) = (peer.address, request(&peer, FRESH));
    let other = request(&peer, QUEUED);
    let end = good.len() - integrity::LENGTH;
    let checksum = |bytes: &[u8]| [&good[..end], bytes].concat();
    let of_body = integrity::crc32c(&good[HEADER_LENGTH..end]).to_be_bytes();
    let mut items = vec![
        item("24: zero", from, checksum(&[0; 4]), Dropped(Corrupt)),
        item("24: ones", from, checksum(&[0xff; 4]), Dropped(Corrupt)),
        item("25: of the body", from, checksum(&of_body), Dropped(Corrupt)),
        item("26: of another", from, checksum(&other[end..]), Dropped(Corrupt)),
    ];
    for missing in 1..=good.len() {
        let datagram = good[..good.len() - missing].to_vec();
        items.push(item("27: truncated", from, datagram, DroppedSomehow));
    }
    for extra in 1..=16 {
        let datagram = [&good[..], &vec![0; extra]].concat();
        items.push(item("28: extended", from, datagram, Dropped(Corrupt)));
    }
    items
}

#[test]
fn what_is_not_well_formed_is_dropped() {
    inject_each(headers);
}

#[test]
fn an_address_that_nobody_can_have_is_not_answered() {
    inject_each(sources);
}

#[test]
fn what_was_changed_is_dropped_and_the_original_counts() {
    inject_each(changed);
}

/// Items 22 and 23: every single bit, and two and three of them.
#[test]
fn inverted_bits_are_found_out() {
    let mut stage = Stage::new();
    let peer = stage.honest[0];
    let good = request(&peer, FRESH);
    let bits = good.len() * 8;
    let mut random = fastrand::Rng::with_seed(22);
    let some = (0..4000).map(|round| (0..2 + round % 2).map(|_| random.usize(..bits)).collect());
    let mut each: Vec<Vec<usize>> = (0..bits).map(|bit| vec![bit]).collect();
    each.extend(some);
    for mut flips in each {
        flips.sort_unstable();
        flips.dedup();
        let mut datagram = good.clone();
        flips.iter().for_each(|bit| datagram[bit / 8] ^= 1 << (bit % 8));
        stage.inject(item("22, 23: bits", peer.address, datagram, DroppedSomehow));
    }
    stage.nothing_is_lost();
}

/// Item 14 and 8 in one: a datagram of every kind from somebody with no session is not believed.
#[test]
fn nothing_that_a_stranger_can_say_is_believed() {
    let mut stage = Stage::new();
    for session in [0, 1, stage.honest[0].session, stage.enemy.session, u64::MAX] {
        for datagram in samples::all(&samples::About::session(session)) {
            let length = datagram.len();
            let from = stage.stranger;
            stage.hand.receive(from, datagram);
            let sent = stage.hand.sent();
            assert!(sent.iter().all(|sent| sent.to == from && sent.size <= length), "{sent:?}");
            assert!(sent.len() <= 1, "{sent:?}");
        }
    }
    assert_eq!(stage.hand.server.statistics().sessions, 4);
    stage.nothing_is_lost();
}
