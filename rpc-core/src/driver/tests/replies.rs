//! Replies that are given after the handler has returned.

use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Instant;

use parking_lot::Mutex;

use super::super::client::Handle;
use super::super::local::Exchange;
use super::super::server::Control;
use super::super::worker::ServerLoop;
use super::{
    LONG, call, connect_with, eventually, patient_client, serve_dispatching, without_hanging,
};
use crate::config::ServerConfig;
use crate::endpoint::client::{CallKey, CallStatus, Failure, NewCall};
use crate::error::{CallErrorKind, Outcome};
use crate::host::{CallHost, ClientHost, ServerControl};
use crate::service::{Answer, Reply};

/// A server whose method 0 answers at once, and whose method 1 hands its reply to the test.
struct Place {
    handle: Arc<Handle>,
    server: Arc<ServerLoop>,
    control: Control,
    replies: Receiver<Reply<()>>,
}

fn config(workers: usize) -> ServerConfig {
    ServerConfig { workers, ..ServerConfig::default() }
}

impl Place {
    fn new(config: ServerConfig) -> Self {
        Self::with(config, |sender, reply| sender.lock().send(reply).unwrap())
    }

    fn with(
        config: ServerConfig,
        handler: impl Fn(&Mutex<Sender<Reply<()>>>, Reply<()>) + Send + Sync + 'static,
    ) -> Self {
        let exchange = Arc::new(Exchange::default());
        let (sender, replies) = channel();
        let sender = Mutex::new(sender);
        let (control, server) = serve_dispatching(&exchange, config, move |call| {
            call.enter();
            if call.method() == 0 {
                return Answer::reply(());
            }
            handler(&sender, call.reply());
            Answer::later()
        });
        let (handle, _client) = connect_with(&exchange, patient_client());
        handle.ready(LONG).unwrap();
        Self { handle, server, control, replies }
    }

    /// Starts a call and takes its reply, when the server has said that it works on it and its threads
    /// are at rest.
    fn suspend(&self, call: NewCall) -> (CallKey, Reply<()>) {
        let key = self.handle.submit(call);
        let reply = self.replies.recv_timeout(LONG).expect("the handler is entered");
        eventually("the call is known to run", || {
            let _ = self.handle.try_wait(key);
            matches!(self.handle.status(key), CallStatus::Running { .. })
        });
        eventually("the handler has returned", || self.server.statistics().suspended > 0);
        eventually("somebody leads", || self.server.has_leader());
        (key, reply)
    }

    fn end(&self, key: CallKey) -> Result<(), Failure> {
        let completion = self.handle.wait(key, Some(LONG)).expect("the call ends");
        self.handle.release(key);
        completion.map(drop)
    }
}

fn executed(kind: CallErrorKind) -> Result<(), Failure> {
    Err(Failure { outcome: Outcome::Executed, kind })
}

#[test]
fn a_reply_from_another_thread_goes_out_at_once() {
    without_hanging(|| {
        let place = Place::new(config(1));
        for _ in 0..20 {
            let (key, reply) = place.suspend(call(1));
            let start = Instant::now();
            thread::spawn(move || reply.send(()));
            assert_eq!(place.end(key), Ok(()));
            assert!(start.elapsed() < Duration::from_secs(2), "it was sent when it was given");
        }
        assert_eq!(place.server.statistics().suspended, 0);
    });
}

#[test]
fn owed_replies_keep_no_worker() {
    without_hanging(|| {
        let place = Place::new(config(1));
        let owed: Vec<_> = (0..100)
            .map(|_| {
                let key = place.handle.submit(call(1));
                (key, place.replies.recv_timeout(LONG).unwrap())
            })
            .collect();
        place.handle.call(call(0)).1.unwrap();
        let statistics = place.server.statistics();
        assert_eq!((statistics.running, statistics.suspended), (100, 100));
        for (key, reply) in owed.into_iter().rev() {
            reply.send(());
            assert_eq!(place.end(key), Ok(()));
        }
        let statistics = place.server.statistics();
        assert_eq!((statistics.running, statistics.suspended), (0, 0));
    });
}

#[test]
fn a_reply_makes_room_for_a_call_that_nobody_is_awake_to_take() {
    // The watchdog has no part in it.
    let config = || ServerConfig { handler_threshold: Duration::from_secs(5), ..config(2) };
    for config in [
        ServerConfig { maximum_suspended: 1, ..config() },
        ServerConfig { maximum_running_per_session: 1, ..config() },
    ] {
        without_hanging(move || {
            let place = Place::new(config);
            let (first, reply) = place.suspend(call(1));
            let second = place.handle.submit(call(0));
            eventually("the second call waits", || {
                let _ = place.handle.try_wait(second);
                matches!(place.handle.status(second), CallStatus::Queued { .. })
            });
            let start = Instant::now();
            reply.send(());
            assert_eq!(place.end(first), Ok(()));
            assert_eq!(place.end(second), Ok(()));
            assert!(start.elapsed() < Duration::from_secs(2));
        });
    }
}

#[test]
fn the_first_answer_counts() {
    without_hanging(|| {
        let place = Place::with(config(1), |_, reply| {
            reply.send(());
            panic!("on purpose, after the reply");
        });
        assert_eq!(place.handle.call(call(1)).1.map(drop), Ok(()));
        assert_eq!(place.handle.call(call(0)).1.map(drop), Ok(()));
    });
}

#[test]
fn a_panic_before_the_reply_is_the_answer() {
    without_hanging(|| {
        let place = Place::with(config(1), |_, _reply| panic!("on purpose"));
        let message = "on purpose".to_owned();
        let panicked = executed(CallErrorKind::HandlerPanicked { message });
        assert_eq!(place.handle.call(call(1)).1.map(drop), panicked);
    });
}

#[test]
fn a_reply_that_is_dropped_ends_the_call() {
    without_hanging(|| {
        let dropped = || executed(CallErrorKind::ReplyDropped);
        // In the handler, ...
        let place = Place::with(config(1), |_, reply| drop(reply));
        assert_eq!(place.handle.call(call(1)).1.map(drop), dropped());
        // ... by a panic in it that goes no further, ...
        let place = Place::with(config(1), |_, reply| {
            let panicking = AssertUnwindSafe(move || {
                let _reply = reply;
                panic!("on purpose, and caught")
            });
            catch_unwind(panicking).unwrap_err();
        });
        assert_eq!(place.handle.call(call(1)).1.map(drop), dropped());
        // ... by a panic of another thread while the handler runs, ...
        let place = Place::with(config(1), |_, reply| {
            let panicking = thread::spawn(move || {
                let _reply = reply;
                panic!("on purpose, elsewhere")
            });
            let _ = panicking.join();
        });
        assert_eq!(place.handle.call(call(1)).1.map(drop), dropped());
        // ... and after it has returned.
        let place = Place::new(config(1));
        let (key, reply) = place.suspend(call(1));
        let panicking = thread::spawn(move || {
            let _reply = reply;
            panic!("on purpose, later")
        });
        panicking.join().unwrap_err();
        assert_eq!(place.end(key), dropped());
    });
}

#[test]
fn a_reply_outlives_its_server_and_does_not_keep_it() {
    without_hanging(|| {
        let place = Place::new(ServerConfig { linger: Duration::from_millis(10), ..config(1) });
        let (key, reply) = place.suspend(call(1));
        let gone: Weak<ServerLoop> = Arc::downgrade(&place.server);
        let Place { handle, server, control, .. } = place;
        drop(server);
        control.close();
        drop(control);
        eventually("the server is gone", || gone.strong_count() == 0);
        reply.send(());
        handle.release(key);
    });
}

#[test]
fn shutdown_waits_for_owed_replies_as_long_as_it_is_told() {
    without_hanging(|| {
        let place = Place::new(config(1));
        let (_key, reply) = place.suspend(call(1));
        assert_eq!(place.control.shutdown(Duration::from_millis(20)).running, 1);
        drop(reply);

        let place = Place::new(config(1));
        let (key, reply) = place.suspend(call(1));
        let Place { handle, server, control, .. } = place;
        let ending = thread::spawn(move || control.shutdown(LONG));
        eventually("the server refuses calls", || server.is_shutting_down());
        reply.send(());
        handle.wait(key, Some(LONG)).expect("it ends").unwrap();
        handle.release(key);
        assert_eq!(ending.join().unwrap().running, 0);
    });
}

#[test]
fn a_caller_that_gives_up_is_told_that_the_call_runs() {
    without_hanging(|| {
        let place = Place::new(config(1));
        let (key, reply) = place.suspend(call(1));
        assert!(!reply.context().is_cancelled());
        place.handle.cancel(key);
        assert_eq!(place.end(key), executed(CallErrorKind::Cancelled));
        assert!(reply.context().is_cancelled());
        // It is of no use to anybody, and does no harm to the next call of the lane.
        let next = place.handle.submit(call(1));
        let next_reply = place.replies.recv_timeout(LONG).unwrap();
        reply.send(());
        next_reply.send(());
        assert_eq!(place.end(next), Ok(()));

        let deadline = Duration::from_millis(50);
        let (key, reply) = place.suspend(NewCall { deadline: Some(deadline), ..call(1) });
        assert_eq!(
            place.end(key),
            executed(CallErrorKind::DeadlineExceeded { deadline, inherited: false })
        );
        // The server's deadline is a little later: it counts from the request's arrival, in whole milliseconds.
        while reply.context().remaining() != Some(Duration::ZERO) {
            thread::yield_now();
        }
        reply.send(());
        place.handle.call(call(0)).1.unwrap();
        assert_eq!(place.server.statistics().suspended, 0);
    });
}
