//! Large messages over real sockets.

use std::sync::Arc;

use bytes::Bytes;

use super::super::client;
use super::super::seat::Parts;
use super::super::server;
use super::super::socket::Socket;
use super::super::udp::UdpLink;
use super::{call, register, without_hanging};
use crate::config::{ClientConfig, ServerConfig};
use crate::endpoint::client::NewCall;
use crate::host::ClientHost;
use crate::service::Answer;
use crate::statistics::DropReason;

const SIZE: usize = 3 << 20;

/// Moves large arguments and large results between a server at `address` and a client, and sees that
/// every datagram arrived as it was sent.
fn move_both_ways(address: &str, largest_datagram: usize, takes_trains: bool) {
    let config = ServerConfig { largest_datagram, ..ServerConfig::default() };
    let link = UdpLink::open_server(address.parse().unwrap(), config.receive_buffer).unwrap();
    link.pretend_trains(takes_trains);
    let port = link.local_addr().port();
    let (registry, table) = register(|call| {
        call.enter();
        Answer::reply(vec![7u8; SIZE])
    });
    let binding = server::Binding::new(Parts::new().unwrap(), Socket::from(link));
    let control = binding.start(config, registry, table).unwrap();

    let config = ClientConfig { largest_datagram, ..ClientConfig::default() };
    let link = UdpLink::open_client(config.receive_buffer).unwrap();
    link.pretend_trains(takes_trains);
    let server = ([127, 0, 0, 1], port).into();
    let parts = Parts::new().unwrap();
    let handle = client::open(parts, Socket::from(link), vec![server], None, config).unwrap();
    for _ in 0..3 {
        let body = Bytes::from(vec![9; SIZE]);
        let (key, completion) = handle.call(NewCall { body: body.into(), ..call(0) });
        let reply = completion.unwrap();
        assert_eq!(reply.len(), SIZE + 4, "with its length before it");
        assert!(reply[4..].iter().all(|&byte| byte == 7));
        crate::host::CallHost::release(&handle, key);
    }
    let control = Arc::new(control);
    let server = control.server().statistics();
    assert_eq!(server.executions, 3);
    assert!(server.receive_buffer > 0);
    // On a busy machine a packet of the handshake may be repeated, and the second answer is dropped. Nothing
    // may be cut or joined wrongly.
    for received in [server.received, handle.statistics().received] {
        let damaged = [DropReason::Truncated, DropReason::Corrupt, DropReason::Malformed];
        let count: u64 = damaged.iter().map(|&reason| received.dropped(reason)).sum();
        assert_eq!(count, 0, "{received:?}");
    }
}

#[test]
fn with_trains_and_without_large_messages_arrive() {
    without_hanging(|| {
        for address in ["127.0.0.1:0", "0.0.0.0:0"] {
            for largest_datagram in [1452, 65_507] {
                for takes_trains in [true, false] {
                    move_both_ways(address, largest_datagram, takes_trains);
                }
            }
        }
    });
}
