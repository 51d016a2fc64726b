//! A process without descriptors.

use std::env;
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use rustix::io::Errno;

use super::super::client::open_udp_client;
use super::super::seat::Parts;
use super::super::server::{self, bind_udp};
use super::super::socket::Socket;
use super::super::udp::UdpLink;
use super::{call, eventually};
use crate::config::{ClientConfig, ServerConfig};
use crate::driver::fixtures::Handler;
use crate::endpoint::client::NewCall;
use crate::error::{ConnectError, ServeError};
use crate::host::ClientHost;
use crate::service::{Answer, Registry};

/// Says to a process that it is the one that has few descriptors.
const CHILD: &str = "FARCALL_TEST_FEW_DESCRIPTORS";

fn is_out_of_descriptors(error: &std::io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::MFILE)
}

#[test]
fn without_descriptors_opening_fails_and_what_is_open_goes_on() {
    if env::var_os(CHILD).is_some() {
        return use_up_descriptors();
    }
    let name = "driver::tests::exhaustion::\
                without_descriptors_opening_fails_and_what_is_open_goes_on";
    let status = Command::new("sh")
        .args(["-c", "ulimit -n 48; exec \"$0\" \"$@\""])
        .arg(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .status();
    assert!(status.unwrap().success());
}

fn use_up_descriptors() {
    let config = ServerConfig { handshakes_per_second: 10_000, ..ServerConfig::default() };
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let link = UdpLink::open_server(any, config.receive_buffer).unwrap();
    let address = link.local_addr();
    let mut registry = Registry::new();
    registry.add(Handler(Box::new(|call| {
        call.enter();
        Answer::reply(vec![7u8; 100_000])
    })));
    let table = registry.table().unwrap();
    let binding = server::Binding::new(Parts::new().unwrap(), Socket::from(link));
    let _control = binding.start(config, registry, table).unwrap();

    let open = || {
        let config = ClientConfig::default();
        open_udp_client("server".to_owned(), vec![address], None, config)
    };
    let works = |client: &Arc<dyn ClientHost>| {
        let body = Bytes::from(vec![9; 100_000]).into();
        let (key, completion) = client.call(NewCall { body, ..call(0) });
        client.release(key);
        assert_eq!(completion.unwrap().len(), 100_004);
    };
    let first = open().unwrap();
    let mut others = Vec::new();
    let error = loop {
        match open() {
            Ok(client) => others.push(client),
            Err(error) => break error,
        }
    };
    let ConnectError::Socket { source, .. } = &error else { panic!("{error:?}") };
    assert!(is_out_of_descriptors(source), "{error:?}");
    let mut rest = Vec::new();
    while let Ok(socket) = UdpSocket::bind(any) {
        rest.push(socket);
    }
    let Err(error) = bind_udp("server", &[any], &ServerConfig::default()) else {
        panic!("it is bound without a descriptor")
    };
    let (ServeError::Bind { source, .. } | ServeError::Loop(source)) = &error else {
        panic!("{error:?}")
    };
    assert!(is_out_of_descriptors(source), "{error:?}");

    assert!(others.len() >= 2, "{}", others.len());
    works(&first);
    others.iter().for_each(works);
    others.truncate(1);
    eventually("a descriptor is free", || open().is_ok());
    works(&first);
}
