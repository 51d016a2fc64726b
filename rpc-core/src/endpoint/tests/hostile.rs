//! What an enemy, or an accident, may send.

use super::*;

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
