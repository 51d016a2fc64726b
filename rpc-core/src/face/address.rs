//! The addresses of servers, as users write them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, ToSocketAddrs};

/// The address of a server: everything in the standard library that implements [`ToSocketAddrs`].
///
/// It is a trait of its own because a client resolves the name again when the server stops answering,
/// so it keeps a copy of what it was given; and because an error can then name what was asked for.
///
/// ```
/// use farcall_core::ServerAddress;
///
/// assert_eq!(("localhost", 4000).to_kept().name(), "localhost:4000");
/// assert_eq!("[::1]:4000".to_kept().name(), "[::1]:4000");
/// ```
pub trait ServerAddress {
    /// A copy that outlives the borrow.
    fn to_kept(&self) -> KeptAddress;
}

/// A server's address as a client keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAddress(Kept);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kept {
    Fixed(Vec<SocketAddr>),
    Text(String),
    Host(String, u16),
}

impl KeptAddress {
    /// The address as a person reads it.
    pub fn name(&self) -> String {
        match &self.0 {
            Kept::Fixed(addresses) => {
                let names: Vec<_> = addresses.iter().map(SocketAddr::to_string).collect();
                names.join(", ")
            }
            Kept::Text(text) => text.clone(),
            Kept::Host(host, port) => format!("{host}:{port}"),
        }
    }

    /// Whether resolving it again can give another answer.
    pub fn is_name(&self) -> bool {
        !matches!(self.0, Kept::Fixed(_))
    }

    /// The socket addresses that it stands for now. May block on the system's resolver.
    ///
    /// # Errors
    /// The resolver's.
    pub fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        match &self.0 {
            Kept::Fixed(addresses) => Ok(addresses.clone()),
            Kept::Text(text) => Ok(text.to_socket_addrs()?.collect()),
            Kept::Host(host, port) => Ok((host.as_str(), *port).to_socket_addrs()?.collect()),
        }
    }

    fn text(text: &str) -> Self {
        match text.parse() {
            Ok(address) => Self(Kept::Fixed(vec![address])),
            Err(_) => Self(Kept::Text(text.to_owned())),
        }
    }

    fn host(host: &str, port: u16) -> Self {
        match host.parse::<IpAddr>() {
            Ok(ip) => Self(Kept::Fixed(vec![SocketAddr::new(ip, port)])),
            Err(_) => Self(Kept::Host(host.to_owned(), port)),
        }
    }
}

macro_rules! fixed {
    ($($type:ty),*) => {
        $(impl ServerAddress for $type {
            fn to_kept(&self) -> KeptAddress {
                KeptAddress(Kept::Fixed(vec![SocketAddr::from(*self)]))
            }
        })*
    };
}

fixed!(SocketAddr, SocketAddrV4, SocketAddrV6, (IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16));

impl ServerAddress for [SocketAddr] {
    fn to_kept(&self) -> KeptAddress {
        KeptAddress(Kept::Fixed(self.to_vec()))
    }
}

impl<const N: usize> ServerAddress for [SocketAddr; N] {
    fn to_kept(&self) -> KeptAddress {
        self[..].to_kept()
    }
}

impl ServerAddress for Vec<SocketAddr> {
    fn to_kept(&self) -> KeptAddress {
        self[..].to_kept()
    }
}

impl ServerAddress for str {
    fn to_kept(&self) -> KeptAddress {
        KeptAddress::text(self)
    }
}

impl ServerAddress for String {
    fn to_kept(&self) -> KeptAddress {
        KeptAddress::text(self)
    }
}

impl ServerAddress for (&str, u16) {
    fn to_kept(&self) -> KeptAddress {
        KeptAddress::host(self.0, self.1)
    }
}

impl ServerAddress for (String, u16) {
    fn to_kept(&self) -> KeptAddress {
        KeptAddress::host(&self.0, self.1)
    }
}

impl<T: ServerAddress + ?Sized> ServerAddress for &T {
    fn to_kept(&self) -> KeptAddress {
        (**self).to_kept()
    }
}
