use core::time::Duration;
use std::net::UdpSocket as Peer;

use super::super::inbox::Inbox;
use super::super::socket::Readiness;
use super::*;

const BUFFER: usize = 1 << 20;

fn client() -> UdpLink {
    UdpLink::open_client(BUFFER).unwrap()
}

/// Everything that arrives until `count` datagrams have.
fn receive(link: &UdpLink, count: usize) -> Vec<(SocketAddr, Option<IpAddr>, Vec<u8>)> {
    let mut inbox = Inbox::new();
    let start = std::time::Instant::now();
    while inbox.len() < count {
        assert!(start.elapsed() < Duration::from_secs(10), "only {} arrived", inbox.len());
        link.receive(&mut inbox, 64);
    }
    assert_eq!(link.receive(&mut inbox, 64), Readiness::Drained);
    inbox.drain().map(|datagram| (datagram.from, datagram.local, datagram.content.into())).collect()
}

#[test]
fn a_client_talks_to_both_families_and_sees_plain_addresses() {
    let link = client();
    for host in ["127.0.0.1:0", "[::1]:0"] {
        let peer = Peer::bind(host).unwrap();
        let address = peer.local_addr().unwrap();
        link.send(b"there", address, None);
        let mut content = [0; 16];
        let (length, from) = peer.recv_from(&mut content).unwrap();
        assert_eq!(&content[..length], b"there");
        peer.send_to(b"back", from).unwrap();
        assert_eq!(receive(&link, 1), [(address, None, b"back".to_vec())]);
    }
}

#[test]
fn a_server_on_a_wildcard_address_answers_from_the_address_that_was_asked() {
    for wildcard in ["0.0.0.0:0", "[::]:0"] {
        let link = UdpLink::open_server(wildcard.parse().unwrap(), BUFFER).unwrap();
        let port = link.local_addr().port();
        let peer = Peer::bind("127.0.0.1:0").unwrap();
        peer.send_to(b"there", ("127.0.0.3", port)).unwrap();
        let received = receive(&link, 1);
        let (from, local, _) = received[0];
        assert_eq!(from, peer.local_addr().unwrap());
        assert_eq!(local, Some(IpAddr::from([127, 0, 0, 3])));
        link.send(b"back", from, local);
        let (_, answered_by) = peer.recv_from(&mut [0; 16]).unwrap();
        assert_eq!(answered_by, SocketAddr::from(([127, 0, 0, 3], port)));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_error_about_one_peer_costs_no_other_a_datagram() {
    let link = client();
    let gone = Peer::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let peer = Peer::bind("127.0.0.1:0").unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    for round in 0..10 {
        // The refusal of the first is reported to whoever uses the socket next.
        link.send(b"nobody hears this", gone, None);
        link.send(&[round], peer.local_addr().unwrap(), None);
        let mut content = [0; 16];
        assert_eq!(peer.recv(&mut content).unwrap(), 1);
        assert_eq!(content[0], round);
    }
    let mut refused = Vec::new();
    link.take_refusals(|peer| refused.push(peer));
    assert!(!refused.is_empty());
    assert!(refused.iter().all(|&peer| peer == gone), "{refused:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_train_of_datagrams_is_taken_apart() {
    let link = UdpLink::open_server("0.0.0.0:0".parse().unwrap(), BUFFER).unwrap();
    let peer = Peer::bind("127.0.0.1:0").unwrap();
    let state = UdpSocketState::new(UdpSockRef::from(&peer)).unwrap();
    if state.max_gso_segments() < 3 {
        return;
    }
    let transmit = quinn_udp::Transmit {
        destination: SocketAddr::from(([127, 0, 0, 1], link.local_addr().port())),
        ecn: None,
        contents: b"aaaabbbbcc",
        segment_size: Some(4),
        src_ip: None,
    };
    state.try_send(UdpSockRef::from(&peer), &transmit).unwrap();
    peer.send_to(b"", transmit.destination).unwrap();
    let contents: Vec<_> = receive(&link, 4).into_iter().map(|(_, _, content)| content).collect();
    assert_eq!(contents, [&b"aaaa"[..], b"bbbb", b"cc", b""]);
}

#[test]
fn a_batch_has_an_end() {
    for address in ["127.0.0.1:0", "0.0.0.0:0"] {
        let link = UdpLink::open_server(address.parse().unwrap(), BUFFER).unwrap();
        let peer = Peer::bind("127.0.0.1:0").unwrap();
        let to = SocketAddr::from(([127, 0, 0, 1], link.local_addr().port()));
        for _ in 0..40 {
            peer.send_to(b"", to).unwrap();
        }
        let mut inbox = Inbox::new();
        assert_eq!(link.receive(&mut inbox, 20), Readiness::MayBeReadable);
        assert!((20..40).contains(&inbox.len()), "{}", inbox.len());
        while link.receive(&mut inbox, 20) == Readiness::MayBeReadable {}
        assert_eq!(inbox.len(), 40);
    }
}
