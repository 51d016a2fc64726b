//! Nothing grows without a bound, and nothing is left behind.

use super::*;

#[test]
fn an_answer_that_finds_no_room_can_be_asked_for_again() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.take();
    // More questions at once than a session may have answers waiting.
    let session = pair.session_id();
    let probes = pair.datagram(session, |out| {
        for lane in 0..4000 {
            frame::write_probe(out, Subject { lane: lane % 100 + 1, sequence: 9, attempt: 1 });
        }
    });
    let (now, from) = (pair.now(), pair.client_address);
    for _ in 0..5 {
        pair.server.handle_datagram(now, from, None, &probes);
    }
    pair.server.complete(ready.token, result(b"y"));
    pair.lose_everything();
    pair.pass(Duration::from_secs(2), Pair::deliver);
    assert_eq!(pair.reply(key), "y");
}
