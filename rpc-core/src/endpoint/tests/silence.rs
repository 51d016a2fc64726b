//! Servers that fall silent: what is still sent to them, and what is not.

use super::*;

#[test]
fn an_acknowledgement_that_was_lost_each_time_rides_on_a_later_packet() {
    let mut pair = Pair::new();
    pair.open();
    let keys: Vec<_> = (0..8).map(|_| pair.submit(call(ECHO, b"x"))).collect();
    pair.deliver();
    for _ in &keys {
        let ready = pair.take();
        pair.server.complete(ready.token, result(b"y"));
    }
    pair.deliver();
    pair.pass(Duration::from_secs(60), Pair::lose_everything);
    assert_eq!(pair.server.unacknowledged(), 8);
    let sent = pair.client.statistics().datagrams_sent;
    pair.pass(Duration::from_secs(30), Pair::lose_everything);
    assert_eq!(pair.client.statistics().datagrams_sent, sent, "they cause no packets any more");
    // Each datagram that is sent for another reason takes a few, and a lost one does not matter.
    let mut longest = 0;
    for turn in 0..4 {
        let _key = pair.submit(call(ECHO, b"x"));
        pair.collect();
        longest = longest.max(pair.to_server.iter().map(Bytes::len).max().unwrap());
        if turn == 0 {
            pair.lose_everything();
        }
        pair.pass(Duration::from_secs(1), Pair::deliver);
        let ready = pair.take();
        pair.server.complete(ready.token, result(b"y"));
        pair.pass(Duration::from_secs(1), Pair::deliver);
    }
    assert_eq!(pair.server.unacknowledged(), 0);
    assert!(longest <= 12 + 33 + 4 * 16 + 4, "{longest}");
    let sent = pair.client.statistics().bytes_sent;
    pair.pass(Duration::from_secs(30), Pair::deliver);
    assert_eq!(pair.client.statistics().bytes_sent, sent);
}
