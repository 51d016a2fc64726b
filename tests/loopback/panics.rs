//! A panic in a handler is that call's result, and nobody else's business.

use farcall::{CallErrorKind, Outcome, Server, rpc_interface};

use crate::support::{Place, Running, both};

#[rpc_interface]
pub trait Fragile {
    fn echo(&self, value: u32) -> u32;
    fn fail(&self, message: &str) -> u32;
    fn fail_oddly(&self) -> u32;
    #[rpc(oneway)]
    fn fail_unseen(&self);
}

struct Worker;

impl Fragile for Worker {
    fn echo(&self, value: u32) -> u32 {
        value
    }

    fn fail(&self, message: &str) -> u32 {
        panic!("{message}")
    }

    fn fail_oddly(&self) -> u32 {
        /// A panic can carry anything, even something that panics when it is dropped.
        struct Grenade;
        impl Drop for Grenade {
            fn drop(&mut self) {
                panic!("once more");
            }
        }
        std::panic::panic_any(Grenade)
    }

    fn fail_unseen(&self) {
        panic!("nobody sees this");
    }
}

/// One worker only, so that a worker that dies is missed.
fn serve(place: &Place) -> Running<'_> {
    let add = |server: Server| server.serve(FragileServer::new(Worker));
    place.serve_with(Server::builder().workers(1), add)
}

both! {
    fn its_caller_is_told(place: &Place) {
        let server = serve(place);
        let fragile: FragileClient = server.stub();
        let error = fragile.fail("it was too heavy").unwrap_err();
        assert_eq!(error.outcome(), Outcome::Executed);
        let message = "it was too heavy".to_owned();
        assert_eq!(*error.kind(), CallErrorKind::HandlerPanicked { message });
    }

    fn the_server_lives_on(place: &Place) {
        let server = serve(place);
        let fragile: FragileClient = server.stub();
        for value in 0..50 {
            fragile.fail("again").unwrap_err();
            assert_eq!(fragile.echo(value).unwrap(), value);
        }
        let statistics = server.handle.statistics();
        assert_eq!((statistics.panics, statistics.executions), (50, 100));
        assert_eq!((statistics.running, statistics.queued), (0, 0));
    }

    fn one_without_text_is_one_as_well(place: &Place) {
        let server = serve(place);
        let fragile: FragileClient = server.stub();
        let error = fragile.fail_oddly().unwrap_err();
        assert_eq!(error.outcome(), Outcome::Executed);
        assert!(matches!(error.kind(), CallErrorKind::HandlerPanicked { .. }), "{error}");
        assert_eq!(fragile.echo(1).unwrap(), 1);
    }

    fn a_long_message_is_cut_and_arrives(place: &Place) {
        let server = serve(place);
        let fragile: FragileClient = server.stub();
        let error = fragile.fail(&"ä".repeat(500)).unwrap_err();
        let CallErrorKind::HandlerPanicked { message } = error.kind() else { panic!("{error}") };
        assert!(message.starts_with("äää"), "{message}");
    }

    fn in_a_oneway_call_it_is_counted(place: &Place) {
        let server = serve(place);
        let fragile: FragileClient = server.stub();
        assert_eq!(fragile.echo(1).unwrap(), 1);
        fragile.fail_unseen().unwrap();
        crate::support::eventually("the panic is counted", || {
            (server.handle.statistics().panics == 1).then_some(())
        });
        assert_eq!(fragile.echo(2).unwrap(), 2);
    }
}
