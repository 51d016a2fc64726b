//! A path that loses datagrams: a process between a client and a server.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket as StdSocket};

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};

const CLIENT: Token = Token(0);
const SERVER: Token = Token(1);

/// Forwards between one client, whoever sent last, and `server`, for ever. Each datagram is lost with
/// the probability `loss`, by a seed that is the same each time.
pub(crate) fn forward(socket: StdSocket, server: SocketAddr, loss: f64) -> io::Result<()> {
    let mut dice = fastrand::Rng::with_seed(1);
    let mut client_side = readied(socket)?;
    let mut server_side = readied(StdSocket::bind((Ipv4Addr::LOCALHOST, 0))?)?;
    let mut poll = Poll::new()?;
    poll.registry().register(&mut client_side, CLIENT, Interest::READABLE)?;
    poll.registry().register(&mut server_side, SERVER, Interest::READABLE)?;
    let mut events = Events::with_capacity(8);
    let mut client = None;
    let mut buffer = [0; 1 << 16];
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            result => result?,
        }
        while let Some((length, from)) = receive(&client_side, &mut buffer)? {
            client = Some(from);
            if dice.f64() >= loss {
                server_side.send_to(&buffer[..length], server)?;
            }
        }
        while let Some((length, _)) = receive(&server_side, &mut buffer)? {
            if let Some(client) = client
                && dice.f64() >= loss
            {
                client_side.send_to(&buffer[..length], client)?;
            }
        }
    }
}

fn readied(socket: StdSocket) -> io::Result<UdpSocket> {
    socket.set_nonblocking(true)?;
    Ok(UdpSocket::from_std(socket))
}

fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Option<(usize, SocketAddr)>> {
    match socket.recv_from(buffer) {
        Ok(received) => Ok(Some(received)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
