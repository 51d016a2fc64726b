//! The two transports, so that one test runs on both.

use std::time::Duration;

use farcall::{Client, ClientBuilder, Loopback, Server, ServerBuilder, ServerHandle, Stub};

/// Where servers and clients of a test meet.
pub enum Place {
    /// UDP on 127.0.0.1.
    Udp,
    /// The in-process network.
    InProcess(Loopback),
}

/// The name of the only server of a test on the in-process network.
const NAME: &str = "server";

impl Place {
    pub fn in_process() -> Self {
        Self::InProcess(Loopback::new())
    }

    /// Starts a server with the default configuration.
    pub fn serve(&self, add_services: impl FnOnce(Server) -> Server) -> Running<'_> {
        self.serve_with(Server::builder(), add_services)
    }

    /// Starts a server.
    pub fn serve_with(
        &self,
        builder: ServerBuilder,
        add_services: impl FnOnce(Server) -> Server,
    ) -> Running<'_> {
        let server = self.bind(builder);
        let handle = add_services(server).spawn().expect("the server starts");
        Running { place: self, handle }
    }

    pub fn bind(&self, builder: ServerBuilder) -> Server {
        match self {
            Self::Udp => builder.bind("127.0.0.1:0"),
            Self::InProcess(network) => builder.on(network, NAME),
        }
        .expect("the server binds")
    }
}

/// A server that runs, and the way to it.
pub struct Running<'p> {
    place: &'p Place,
    pub handle: ServerHandle,
}

impl Running<'_> {
    /// A stub of one more client.
    pub fn stub<S: Stub>(&self) -> S {
        self.client().stub()
    }

    /// One more client.
    pub fn client(&self) -> Client {
        self.client_with(Client::builder())
    }

    /// One more client with settings of its own.
    pub fn client_with(&self, builder: ClientBuilder) -> Client {
        match self.place {
            Place::Udp => builder.connect(self.handle.local_addr()),
            Place::InProcess(network) => builder.on(network, NAME),
        }
        .expect("the client opens its socket")
    }

    pub fn shutdown(self, grace: Duration) -> farcall::ShutdownReport {
        self.handle.shutdown(grace)
    }
}

/// Makes two tests of one: on UDP and in process.
macro_rules! both {
    ($($(#[$attribute:meta])* fn $name:ident($place:ident: &Place) $body:block)*) => {
        $(
            mod $name {
                #[allow(unused_imports)]
                use super::*;

                fn run($place: &$crate::support::Place) $body

                $(#[$attribute])*
                #[test]
                fn udp() {
                    run(&$crate::support::Place::Udp);
                }

                $(#[$attribute])*
                #[test]
                fn in_process() {
                    run(&$crate::support::Place::in_process());
                }
            }
        )*
    };
}
pub(crate) use both;
