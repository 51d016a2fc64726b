//! The floors: the same exchange with nothing but sockets.

mod datagram;
mod frame;
mod mio_echo;
mod tcp;
mod udp;

pub use self::mio_echo::MioEcho;
pub use self::tcp::Tcp;
pub use self::udp::Udp;
