//! Everything that can be done with a call that was started.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use farcall::{CallErrorKind, CallStatus, Outcome, Pending, Server, Transfer, rpc_interface};

use crate::support::{Gate, PATIENCE, both, eventually, until_running};

#[rpc_interface]
pub trait Work {
    fn echo(&self, value: u32) -> u32;
    fn held(&self, value: u32) -> u32;
}

#[derive(Clone, Default)]
struct Worker(Gate);

impl Work for Worker {
    fn echo(&self, value: u32) -> u32 {
        value
    }

    fn held(&self, value: u32) -> u32 {
        self.0.pass();
        value
    }
}

fn serve(worker: &Worker) -> impl FnOnce(Server) -> Server {
    let service = WorkServer::new(worker.clone());
    |server| server.serve(service)
}

both! {
    fn waiting_gives_the_result(place: &Place) {
        let server = place.serve(serve(&Worker::default()));
        let work: WorkClient = server.stub();
        assert_eq!(work.start().echo(7).wait().unwrap(), 7);
    }

    fn results_can_be_taken_in_any_order(place: &Place) {
        let server = place.serve(serve(&Worker::default()));
        let work: WorkClient = server.stub();
        let calls: Vec<_> = (0..300).map(|value| work.start().echo(value)).collect();
        for (value, call) in calls.into_iter().enumerate().rev() {
            assert_eq!(call.wait().unwrap(), value as u32);
        }
    }

    fn a_limited_wait_gives_the_call_back(place: &Place) {
        let worker = Worker::default();
        let server = place.serve(serve(&worker));
        let work: WorkClient = server.stub();

        let mut call = work.start().held(7);
        let start = Instant::now();
        let limit = Duration::from_millis(30);
        assert!(call.wait_timeout(limit).is_none());
        assert!(start.elapsed() >= limit, "it waited only {:?}", start.elapsed());
        worker.0.open();
        assert_eq!(call.wait_timeout(PATIENCE).unwrap().unwrap(), 7);
    }

    fn a_look_never_waits(place: &Place) {
        let worker = Worker::default();
        let server = place.serve(serve(&worker));
        let work: WorkClient = server.stub();

        let mut call = work.start().held(7);
        assert!(call.try_wait().is_none());
        worker.0.open();
        // Looking is enough to bring the call on.
        assert_eq!(eventually("the result is there", || call.try_wait()).unwrap(), 7);
    }

    fn the_status_follows_the_call(place: &Place) {
        let worker = Worker::default();
        let server = place.serve_with(Server::builder().workers(1), serve(&worker));
        let work: WorkClient = server.stub();

        let mut first = work.start().held(1);
        until_running(&mut first);
        worker.0.until_entered(1);
        let mut second = work.start().held(2);
        eventually("the server says that the second call is queued", || {
            assert!(second.wait_timeout(Duration::from_millis(1)).is_none());
            matches!(second.status(), CallStatus::Queued { position: 0 | 1 }).then_some(())
        });
        worker.0.open();
        assert_eq!(second.wait().unwrap(), 2);
        eventually("the first call has ended", || {
            (first.status() == CallStatus::Finished).then_some(())
        });
        assert_eq!(first.wait().unwrap(), 1);
    }

    fn what_is_moved_of_a_call_can_be_watched(place: &Place) {
        let worker = Worker::default();
        let server = place.serve(serve(&worker));
        let work: WorkClient = server.stub();

        // Nobody is there to take it.
        let nobody = WorkClient::on(&farcall::Loopback::new(), "nobody").unwrap();
        let lost = nobody.start().held(7);
        let transfer = lost.transfer();
        assert_eq!((transfer.sent, transfer.request), (0, 4));

        let mut call = work.start().held(7);
        until_running(&mut call);
        let transfer = call.transfer();
        assert_eq!((transfer.sent, transfer.request), (4, 4));
        assert_eq!((transfer.received, transfer.reply), (0, None));
        worker.0.open();
        eventually("the result has arrived", || {
            let transfer = call.transfer();
            (transfer.reply == Some(4) && transfer.received == 4).then_some(())
        });
        assert_eq!(call.wait_timeout(PATIENCE).unwrap().unwrap(), 7);
        assert_eq!(call.transfer(), Transfer::default(), "it was given out");
    }

    fn a_queued_call_is_cancelled_before_it_begins(place: &Place) {
        let worker = Worker::default();
        let server = place.serve_with(Server::builder().workers(1), serve(&worker));
        let work: WorkClient = server.stub();

        let first = work.start().held(1);
        worker.0.until_entered(1);
        let second = work.start().held(2);
        second.cancel();
        let error = second.wait().unwrap_err();
        assert_eq!((error.outcome(), error.kind()), (Outcome::NotExecuted, &CallErrorKind::Cancelled));

        worker.0.open();
        first.wait().unwrap();
        // The promise concerns the future as well: what is sent later runs, and the cancelled does not.
        assert_eq!(work.echo(3).unwrap(), 3);
        assert_eq!(worker.0.entered(), 1);
        assert_eq!(server.handle.statistics().executions, 2);
    }

    fn a_running_call_is_cancelled_truthfully(place: &Place) {
        let worker = Worker::default();
        let server = place.serve(serve(&worker));
        let work: WorkClient = server.stub();

        let call = work.start().held(1);
        worker.0.until_entered(1);
        call.cancel();
        let error = call.wait().unwrap_err();
        assert_eq!((error.outcome(), error.kind()), (Outcome::Executed, &CallErrorKind::Cancelled));
        worker.0.open();
    }

    fn a_detached_call_goes_on(place: &Place) {
        let worker = Worker::default();
        let server = place.serve_with(Server::builder().workers(1), serve(&worker));
        let work: WorkClient = server.stub();

        let first = work.start().held(1);
        worker.0.until_entered(1);
        work.start().held(2).detach();
        worker.0.open();
        first.wait().unwrap();
        worker.0.until_entered(2);
    }

    fn a_dropped_call_that_has_not_begun_never_begins(place: &Place) {
        let worker = Worker::default();
        let server = place.serve_with(Server::builder().workers(1), serve(&worker));
        let work: WorkClient = server.stub();

        let mut first = work.start().held(1);
        worker.0.until_entered(1);
        let second = work.start().held(2);
        // The first call is driven while the server hears of the second one, and of its end.
        let mut until_queued = |count| {
            eventually("the server has that many calls in its queue", || {
                assert!(first.wait_timeout(Duration::from_millis(1)).is_none());
                (server.handle.statistics().queued == count).then_some(())
            });
        };
        until_queued(1);
        drop(second);
        until_queued(0);
        worker.0.open();
        first.wait().unwrap();
        assert_eq!(work.echo(3).unwrap(), 3);
        assert_eq!(worker.0.entered(), 1, "the dropped call ran");
    }

    fn a_dropped_call_that_runs_goes_on(place: &Place) {
        let worker = Worker::default();
        let server = place.serve(serve(&worker));
        let work: WorkClient = server.stub();

        let call = work.start().held(1);
        worker.0.until_entered(1);
        drop(call);
        worker.0.open();
        eventually("the handler ends", || {
            let statistics = server.handle.statistics();
            (statistics.running == 0 && statistics.executions == 1).then_some(())
        });
        assert_eq!(work.echo(3).unwrap(), 3);
    }

    fn a_call_is_a_future_on_any_executor(place: &Place) {
        let worker = Worker::default();
        let server = place.serve(serve(&worker));
        let work: WorkClient = server.stub();

        let sum = pollster::block_on(async {
            let (first, second) = (work.start().echo(1), work.start().held(2));
            worker.0.until_entered(1);
            worker.0.open();
            first.await.unwrap() + second.await.unwrap()
        });
        assert_eq!(sum, 3);
    }

    fn a_future_is_woken_by_a_call_that_nobody_waits_for(place: &Place) {
        let worker = Worker::default();
        let server = place.serve(serve(&worker));
        let work: WorkClient = server.stub();

        let mut call = work.start().held(7);
        let wakes = Arc::new(Wakes(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&wakes));
        assert!(poll(&mut call, &waker).is_pending());
        worker.0.until_entered(1);
        assert_eq!(wakes.0.load(Ordering::SeqCst), 0, "there is nothing to wake for");
        worker.0.open();
        eventually("the waker is called", || {
            (wakes.0.load(Ordering::SeqCst) > 0).then_some(())
        });
        let Poll::Ready(result) = poll(&mut call, &waker) else { panic!("woken and not ready") };
        assert_eq!(result.unwrap(), 7);
    }

    fn the_waker_of_the_last_poll_counts(place: &Place) {
        let worker = Worker::default();
        let server = place.serve(serve(&worker));
        let work: WorkClient = server.stub();

        let mut call = work.start().held(7);
        let (old, new) = (Arc::new(Wakes::default()), Arc::new(Wakes::default()));
        assert!(poll(&mut call, &Waker::from(Arc::clone(&old))).is_pending());
        assert!(poll(&mut call, &Waker::from(Arc::clone(&new))).is_pending());
        worker.0.open();
        eventually("the new waker is called", || {
            (new.0.load(Ordering::SeqCst) > 0).then_some(())
        });
        assert_eq!(old.0.load(Ordering::SeqCst), 0, "the old waker was called");
        assert_eq!(call.wait().unwrap(), 7);
    }

    fn a_future_ends_with_the_calls_error(place: &Place) {
        let worker = Worker::default();
        let server = place.serve(serve(&worker));
        let work: WorkClient = server.stub();
        let hurried = farcall::Stub::with_deadline(&work, Duration::from_millis(40));

        let error = pollster::block_on(hurried.start().held(1)).unwrap_err();
        assert!(matches!(error.kind(), CallErrorKind::DeadlineExceeded { .. }), "{error}");
        worker.0.open();
    }

    fn a_pending_call_outlives_its_stub(place: &Place) {
        let worker = Worker::default();
        let server = place.serve(serve(&worker));
        let call = server.stub::<WorkClient>().start().held(5);
        worker.0.until_entered(1);
        worker.0.open();
        assert_eq!(call.wait().unwrap(), 5);
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

#[test]
fn a_pending_call_may_go_to_another_thread() {
    fn is_send_and_unpin<T: Send + Unpin>() {}
    is_send_and_unpin::<Pending<std::rc::Rc<()>>>();

    let server = Server::bind("127.0.0.1:0").unwrap();
    let server = serve(&Worker::default())(server).spawn().unwrap();
    let work = WorkClient::connect(server.local_addr()).unwrap();
    let call = work.start().echo(9);
    let result = std::thread::spawn(move || call.wait()).join().unwrap();
    assert_eq!(result.unwrap(), 9);
}
