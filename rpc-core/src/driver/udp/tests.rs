use core::time::Duration;
use std::net::UdpSocket as Peer;
use std::time::Instant;

use super::super::inbox::Inbox;
use super::super::socket::{Link, Readiness, Sent, Socket};
use super::*;
use crate::config::BASE_DATAGRAM_SIZE;
use crate::endpoint::Transmit;

const BUFFER: usize = 1 << 20;

fn client() -> UdpLink {
    UdpLink::open_client(BUFFER).unwrap()
}

/// Everything that arrives until `count` datagrams have.
fn receive(link: &UdpLink, count: usize) -> Vec<(SocketAddr, Option<IpAddr>, Vec<u8>)> {
    let mut inbox = Inbox::new();
    let start = Instant::now();
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

/// What the loop sends through.
fn socket(link: UdpLink) -> Socket {
    Socket::from(link)
}

fn link(socket: &Socket) -> &UdpLink {
    match socket.link() {
        Link::Udp(link) => link,
        Link::Local(_) => unreachable!("it is a UDP socket"),
    }
}

/// Datagrams in the form in which the loop hands them over.
fn batch(datagrams: &[(SocketAddr, Vec<u8>)]) -> (Vec<u8>, Vec<Transmit>) {
    let bytes = datagrams.iter().flat_map(|(_, content)| content.clone()).collect();
    let transmits = datagrams
        .iter()
        .map(|(to, content)| Transmit { to: *to, from: None, length: content.len() })
        .collect();
    (bytes, transmits)
}

fn filled(index: usize, length: usize) -> Vec<u8> {
    (0..length).map(|offset| (index * 7 + offset) as u8).collect()
}

#[test]
fn datagrams_of_every_size_arrive_whole_and_in_order() {
    for address in ["127.0.0.1:0", "0.0.0.0:0"] {
        let link = UdpLink::open_server(address.parse().unwrap(), BUFFER).unwrap();
        let to = SocketAddr::from(([127, 0, 0, 1], link.local_addr().port()));
        let peer = Peer::bind("127.0.0.1:0").unwrap();
        let mut inbox = Inbox::new();
        for round in 0..20 {
            let sizes = [0, 1, 2048, 2049, 1200, 0, 16_383, 16_384, 65_507, 1, 0, 65_506, 9000];
            for (index, size) in sizes.into_iter().enumerate() {
                peer.send_to(&filled(index + round, size), to).unwrap();
            }
            let mut arrived = Vec::new();
            let start = Instant::now();
            while arrived.len() < sizes.len() {
                assert!(start.elapsed() < Duration::from_secs(10), "{} arrived", arrived.len());
                link.receive(&mut inbox, 64);
                arrived.extend(inbox.drain().map(|datagram| datagram.content.to_vec()));
            }
            for (index, size) in sizes.into_iter().enumerate() {
                assert!(arrived[index] == filled(index + round, size), "{index} of size {size}");
            }
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_datagram_that_is_too_large_is_reported_and_is_no_refusal() {
    let peer = Peer::bind("[::1]:0").unwrap();
    let to = peer.local_addr().unwrap();
    let servers = ["[::1]:0", "[::]:0"]
        .map(|address| UdpLink::open_server(address.parse().unwrap(), BUFFER).unwrap());
    for link in [client()].into_iter().chain(servers) {
        let socket = socket(link);
        // The header of IPv6 leaves no room for it, in the largest packet that there is: without
        // "don't fragment" it would travel in pieces.
        let datagrams = [(to, vec![1; 10]), (to, vec![2; 65_507]), (to, vec![3; 1300])];
        let (bytes, transmits) = batch(&datagrams);
        assert!(!socket.send(&bytes, &transmits));
        let mut content = [0; 2000];
        for size in [10, 1300] {
            assert_eq!(peer.recv(&mut content).unwrap(), size);
        }
        assert!(socket.backlog().has_any() && !socket.backlog().is_blocked());
        assert_eq!(socket.backlog().take_reports(), [(to, 65_507)]);
        assert!(!socket.backlog().has_any());
        socket.take_refusals(|peer| panic!("{peer} has refused nothing"));
    }
}

#[test]
fn with_and_without_trains_the_same_arrives() {
    let peers = [Peer::bind("127.0.0.1:0").unwrap(), Peer::bind("[::1]:0").unwrap()];
    let addresses = peers.each_ref().map(|peer| peer.local_addr().unwrap());
    // Runs of one size, ends that are shorter, and other peers in between.
    let datagrams: Vec<_> = (0..60)
        .map(|index| {
            let to = addresses[usize::from(index % 25 == 20)];
            let length = if index % 33 == 32 { 700 } else { 1452 };
            (to, filled(index, length))
        })
        .collect();
    let (bytes, transmits) = batch(&datagrams);
    let servers = UdpLink::open_server("[::]:0".parse().unwrap(), BUFFER).unwrap();
    for socket in [socket(client()), socket(servers)] {
        for takes_trains in [true, false] {
            link(&socket).pretend_trains(takes_trains);
            assert!(socket.send(&bytes, &transmits));
            assert_eq!(link(&socket).takes_trains(), takes_trains, "or it is not tested here");
            for (peer, address) in peers.iter().zip(addresses) {
                for (_, expected) in datagrams.iter().filter(|(to, _)| *to == address) {
                    let mut content = [0; 2000];
                    let length = peer.recv(&mut content).unwrap();
                    assert!(content[..length] == *expected);
                }
            }
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_train_that_the_system_does_not_take_is_given_up_and_so_are_trains() {
    let link = client();
    let peer = Peer::bind("127.0.0.1:0").unwrap();
    let to = peer.local_addr().unwrap();
    assert_eq!(link.send_train(&[1; 8], 4, to, None), Some(Sent::Gone));
    // An error that says nothing about trains: they may broadcast no more than single datagrams.
    let all = SocketAddr::from((Ipv4Addr::BROADCAST, to.port()));
    assert_eq!(link.send_train(&[2; 8], 4, all, None), None);
    assert!(link.takes_trains());
    // More than any system takes: it says what it says where it cannot do it at all.
    assert_eq!(link.send_train(&[3; 4000], 4, to, None), None);
    assert!(!link.takes_trains());
    assert_eq!(link.send_train(&[3; 8], 4, to, None), None, "it is not tried again");

    // It may have meant the size of the datagrams, which single ones show.
    assert_eq!(link.send(&[0; 65_508], to, None), Sent::TooLarge);
    assert_eq!(link.send_train(&[4; 8], 4, to, None), Some(Sent::Gone));
    let mut content = [0; 16];
    for fill in [1, 1, 4, 4] {
        assert_eq!(peer.recv(&mut content).unwrap(), 4);
        assert_eq!(content[..4], [fill; 4]);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn refusals_in_the_middle_of_a_batch_cost_no_other_a_datagram() {
    let socket = socket(client());
    let gone = Peer::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let peer = Peer::bind("127.0.0.1:0").unwrap();
    peer.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let to = peer.local_addr().unwrap();
    // Every train and every datagram comes after one that is refused, which is reported to it.
    let mut datagrams = Vec::new();
    for index in 0..24 {
        datagrams.push((gone, vec![0; 20]));
        for part in 0..index % 4 + 1 {
            datagrams.push((to, filled(index + part, 1300)));
        }
    }
    let (bytes, transmits) = batch(&datagrams);
    assert!(socket.send(&bytes, &transmits));
    for (_, expected) in datagrams.iter().filter(|(address, _)| *address == to) {
        let mut content = [0; 2000];
        let length = peer.recv(&mut content).unwrap();
        assert!(content[..length] == *expected);
    }
    assert!(link(&socket).takes_trains());
    let mut refused = Vec::new();
    socket.take_refusals(|peer| refused.push(peer));
    assert!(!refused.is_empty() && refused.iter().all(|&peer| peer == gone), "{refused:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_socket_turns_to_trains_for_bulk_and_only_for_that() {
    for (size, turns) in [(1452, true), (1100, false), (20_000, false)] {
        let receiver = client();
        let to = SocketAddr::from(([127, 0, 0, 1], receiver.local_addr().port()));
        let sender = socket(client());
        let mut inbox = Inbox::new();
        for round in 0..100 {
            let datagrams: Vec<_> =
                (0..12).map(|index| (to, filled(round + index, size - index / 11))).collect();
            let (bytes, transmits) = batch(&datagrams);
            assert!(sender.send(&bytes, &transmits));
            let mut arrived = Vec::new();
            let start = Instant::now();
            while arrived.len() < datagrams.len() {
                assert!(start.elapsed() < Duration::from_secs(10), "{} arrived", arrived.len());
                receiver.receive(&mut inbox, 64);
                arrived.extend(inbox.drain().map(|datagram| datagram.content));
            }
            assert!(arrived.iter().zip(&datagrams).all(|(content, (_, sent))| content == sent));
        }
        assert_eq!(receiver.details.get().is_some(), turns, "{size}");
    }
}

#[test]
fn half_of_the_granted_buffer_holds_as_many_bytes() {
    for size in [BASE_DATAGRAM_SIZE, 1452, 65_507] {
        let link = UdpLink::open_server("127.0.0.1:0".parse().unwrap(), BUFFER).unwrap();
        let granted = link.receive_buffer();
        assert!((1..=2 * BUFFER).contains(&granted), "{granted}");
        let peer = Peer::bind("127.0.0.1:0").unwrap();
        let count = granted / 2 / size;
        for _ in 0..count {
            peer.send_to(&vec![0; size], link.local_addr()).unwrap();
        }
        assert_eq!(receive(&link, count).len(), count);
    }
}
