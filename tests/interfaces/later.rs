//! Handlers that answer after they have returned, through a `Reply`.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use farcall::{CallErrorKind, Context, Marshal, Outcome, Reply, Server, Stub, rpc_interface};

use crate::support::{both, eventually, until_running};

#[derive(Marshal, Debug, Clone, PartialEq)]
pub struct Job {
    name: String,
    size: u32,
}

#[rpc_interface]
pub trait Board: Send + Sync {
    /// Answers when somebody posts.
    fn next(&self, wanted: &str, #[reply] to: Reply<Job>);
    fn post(&self, job: Job) -> u32;
    fn nothing(&self, #[reply] to: Reply<()>);
    fn fallible(&self, number: u32, #[reply] to: Reply<Result<u32, String>>);
    fn drops(&self, #[reply] to: Reply<u32>);
    fn panics(&self, #[reply] to: Reply<u32>);
    fn answers_and_panics(&self, #[reply] to: Reply<u32>);
    /// With the context, and from another thread.
    fn remaining(&self, #[ctx] cx: &Context, #[reply] to: Reply<Option<Duration>>);
}

#[derive(Default)]
struct Waiting(Mutex<Vec<(String, Reply<Job>)>>);

impl Board for Waiting {
    fn next(&self, wanted: &str, to: Reply<Job>) {
        self.0.lock().unwrap().push((wanted.to_owned(), to));
    }

    fn post(&self, job: Job) -> u32 {
        let mut waiting = self.0.lock().unwrap();
        let (served, rest): (Vec<_>, _) =
            waiting.drain(..).partition(|(wanted, _)| *wanted == job.name);
        *waiting = rest;
        drop(waiting);
        let count = served.len();
        for (_, to) in served {
            to.send(job.clone());
        }
        u32::try_from(count).unwrap()
    }

    fn nothing(&self, to: Reply<()>) {
        to.send(());
    }

    fn fallible(&self, number: u32, to: Reply<Result<u32, String>>) {
        thread::spawn(move || to.send(number.checked_sub(10).ok_or("too small".to_owned())));
    }

    fn drops(&self, to: Reply<u32>) {
        drop(to);
    }

    fn panics(&self, to: Reply<u32>) {
        let _to = to;
        panic!("on purpose");
    }

    fn answers_and_panics(&self, to: Reply<u32>) {
        to.send(7);
        panic!("on purpose");
    }

    fn remaining(&self, cx: &Context, to: Reply<Option<Duration>>) {
        assert_eq!(cx.peer(), to.context().peer());
        thread::spawn(move || {
            let remaining = to.context().remaining();
            to.send(remaining);
        });
    }
}

fn board(server: Server) -> Server {
    server.serve(BoardServer::new(Waiting::default()))
}

both! {
    fn answers_come_when_they_are_sent(place: &Place) {
        // One worker: whoever waits for an answer holds none.
        let server = place.serve_with(Server::builder().workers(1), board);
        let client: BoardClient = server.stub();
        let mut waiting: Vec<_> = (0..50)
            .map(|index| client.start().next(if index % 2 == 0 { "even" } else { "odd" }))
            .collect();
        until_running(waiting.last_mut().unwrap());
        let job = Job { name: "odd".to_owned(), size: 3 };
        let served = eventually("all of them wait", || {
            let count = client.post(job.clone()).unwrap();
            (count > 0).then_some(count)
        });
        let mut total = served;
        while total < 25 {
            total += client.post(job.clone()).unwrap();
        }
        for (index, call) in waiting.iter_mut().enumerate() {
            if index % 2 == 1 {
                let answer = call.wait_timeout(crate::support::PATIENCE);
                assert_eq!(answer.expect("it was answered").unwrap(), job);
            } else {
                assert!(call.try_wait().is_none());
            }
        }
    }

    fn what_is_sent_is_the_reply(place: &Place) {
        let server = place.serve(board);
        let client: BoardClient = server.stub();
        client.nothing().unwrap();
        assert_eq!(client.fallible(12).unwrap(), Ok(2));
        assert_eq!(client.fallible(2).unwrap(), Err("too small".to_owned()));
        let client = client.with_deadline(Duration::from_secs(3600));
        let remaining = client.remaining().unwrap().unwrap();
        assert!(remaining > Duration::from_secs(3000) && remaining <= Duration::from_secs(3600));
    }

    fn a_reply_that_is_never_sent_is_an_executed_call(place: &Place) {
        let server = place.serve(board);
        let client: BoardClient = server.stub();
        let dropped = client.drops().unwrap_err();
        assert_eq!(dropped.kind(), &CallErrorKind::ReplyDropped);
        assert_eq!(dropped.outcome(), Outcome::Executed);
        assert_eq!(client.panics().unwrap_err().outcome(), Outcome::Executed);
        assert_eq!(client.answers_and_panics().unwrap(), 7);
    }

    fn an_implementation_may_be_any_shared_object(place: &Place) {
        let object: Arc<dyn Board> = Arc::new(Waiting::default());
        let service = BoardServer::shared(Arc::clone(&object));
        let server = place.serve(|server| server.serve(service));
        server.stub::<BoardClient>().nothing().unwrap();
        assert_eq!(Arc::strong_count(&object), 2);
    }
}

/// The wire does not tell how a handler answers.
mod plain {
    #[farcall::rpc_interface]
    pub trait Board {
        fn fallible(&self, number: u32) -> Result<u32, String>;
        async fn next(&self, wanted: &str) -> super::Job;
    }
}

both! {
    fn the_form_of_a_handler_is_not_part_of_the_signature(place: &Place) {
        use plain::BoardClient as Plain;
        let server = place.serve(board);
        let client: Plain = server.stub();
        assert_eq!(client.fallible(12).unwrap(), Ok(2));
        let next = client.start().next("a");
        let board: BoardClient = server.stub();
        let job = Job { name: "a".to_owned(), size: 1 };
        eventually("it waits", || (board.post(job.clone()).unwrap() > 0).then_some(()));
        assert_eq!(next.wait().unwrap(), job);
    }
}

#[test]
fn a_handler_is_tested_without_a_server() {
    let waiting = Waiting::default();
    let (to, pending) = Reply::pair();
    waiting.next("a", to);
    assert_eq!(waiting.post(Job { name: "b".to_owned(), size: 1 }), 0);
    assert_eq!(waiting.post(Job { name: "a".to_owned(), size: 2 }), 1);
    assert_eq!(pending.wait().unwrap().size, 2);

    let (to, pending) = Reply::pair();
    waiting.drops(to);
    assert_eq!(pending.wait().unwrap_err().kind(), &CallErrorKind::ReplyDropped);
}
