//! One client state in use twice, as in a copied virtual machine.

use super::*;

/// The requests of a client's datagram.
fn requests(datagram: &Bytes) -> (u64, Vec<(Subject, frame::Request, Bytes)>) {
    let (header, body) = Header::parse(datagram).expect("it is well formed");
    let (mut at, mut found) = (0, Vec::new());
    while let Some(frame) = frame::next_client_frame(body, &mut at) {
        if let frame::ClientFrame::Request(subject, request) = frame {
            let arguments = Bytes::copy_from_slice(&body[request.body.clone()]);
            found.push((subject, request, arguments));
        }
    }
    (header.session, found)
}

#[test]
fn a_copied_client_is_told_that_its_call_was_refused() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(NewCall { deadline: None, ..call(ECHO, b"mine") });
    pair.collect();
    let datagram = pair.to_server.pop_front().unwrap();
    let (session, mine) = requests(&datagram);
    let (subject, request, _) = mine[0].clone();
    // The copy of the client was quicker, and its call has run.
    let theirs = pair.datagram(session, |out| {
        frame::write_request(out, subject, &request, b"theirs");
    });
    let now = pair.now();
    pair.server.handle_datagram(now, pair.client_address, None, &theirs);
    let ready = pair.take();
    assert_eq!(&ready.body[..], b"theirs");
    pair.server.complete(ready.token, result(b"secret"));
    pair.lose_everything();
    pair.to_server.push_back(datagram);
    pair.deliver();
    assert_eq!(pair.failure(key), (Outcome::NotExecuted, CallErrorKind::Misuse));
    assert_eq!(pair.server.statistics().misuses, 1);
    // The other call's reply is still there for the other client.
    assert_eq!(pair.server.unacknowledged(), 1);
    pair.pass(Duration::from_secs(1), Pair::deliver);
    assert_eq!(pair.server.unacknowledged(), 1);
    // The lane is free, and a later call on it is one like any other.
    let key = pair.submit(call(ECHO, b"x"));
    pair.deliver();
    let ready = pair.take();
    pair.server.complete(ready.token, result(b"y"));
    pair.deliver();
    assert_eq!(pair.reply(key), "y");
}

#[test]
fn a_refusal_of_the_copys_call_says_nothing_about_the_clients_own() {
    let mut pair = Pair::new();
    pair.open();
    let key = pair.submit(call(ECHO, b"mine"));
    pair.collect();
    let (session, mine) = requests(&pair.to_server[0]);
    pair.deliver();
    let ready = pair.take();
    let (subject, request, _) = mine[0].clone();
    let refuse = |pair: &mut Pair, body: &[u8]| {
        let theirs = pair.datagram(session, |out| {
            frame::write_request(out, subject, &request, body);
        });
        let (now, from) = (pair.now(), pair.client_address);
        pair.server.handle_datagram(now, from, None, &theirs);
        pair.deliver();
    };
    refuse(&mut pair, b"theirs");
    assert_eq!(pair.server.statistics().misuses, 1);
    assert_eq!(pair.client.statistics().stale_frames, 1);
    assert!(pair.client.completion(key).is_none());
    // Nor after it has ended, when its arguments are gone.
    pair.pass(Duration::from_secs(11), Pair::lose_everything);
    assert_eq!(pair.failure(key).0, Outcome::Unknown);
    refuse(&mut pair, b"");
    assert!(!matches!(pair.client.settlement(key), Settlement::NotExecuted));
    pair.server.complete(ready.token, result(b"y"));
    pair.pass(Duration::from_secs(10), Pair::deliver);
    assert!(!matches!(pair.client.settlement(key), Settlement::Open | Settlement::NotExecuted));
}
