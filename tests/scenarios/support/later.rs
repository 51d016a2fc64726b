//! Handlers of `run` and `look` that answer when they have returned.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use farcall::__private::{Answer, Call, Interface, Service, Unmarshal, method_id};
use farcall::sim::{Ledger, World};

use super::{WorkServer, Worker};

/// What becomes of a call that was executed and has this receipt.
pub(crate) type Finish = Box<dyn Fn(&Call<'_>, u64) -> Answer + Send + Sync>;

/// The server of the scenarios, except that `run` and `look` are answered by `finish`.
pub(crate) struct LaterServer {
    inner: WorkServer<Worker>,
    ledger: Ledger,
    finish: Finish,
}

impl LaterServer {
    pub(crate) fn new(ledger: Ledger, finish: Finish) -> Self {
        Self { inner: WorkServer::new(Worker(ledger.clone())), ledger, finish }
    }
}

impl Service for LaterServer {
    fn interface(&self) -> &'static Interface {
        self.inner.interface()
    }

    fn dispatch(&self, call: &Call<'_>) -> Answer {
        if ![method_id("run"), method_id("look")].contains(&call.method()) {
            return self.inner.dispatch(call);
        }
        match u64::unmarshal(&mut call.reader()) {
            Ok(number) => {
                call.enter();
                (self.finish)(call, self.ledger.execute(number))
            }
            Err(error) => Answer::undecodable("call", error),
        }
    }
}

/// Answers with `receipt` once `bell` has rung.
pub(crate) fn answer_on(bell: Bell, receipt: u64) -> Answer {
    Answer::future(None, async move {
        bell.rung().await;
        Answer::reply(receipt)
    })
}

/// Something that futures wait for.
#[derive(Clone, Default)]
pub(crate) struct Bell(Arc<Mutex<Strokes>>);

#[derive(Default)]
struct Strokes {
    has_rung: bool,
    wakers: Vec<Waker>,
}

impl Bell {
    pub(crate) fn ring(&self) {
        self.0.lock().unwrap().has_rung = true;
        self.wake();
    }

    /// Wakes who waits, for nothing.
    pub(crate) fn wake(&self) {
        let wakers = std::mem::take(&mut self.0.lock().unwrap().wakers);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// One that rings by itself.
    pub(crate) fn after(world: &World, delay: Duration) -> Self {
        let bell = Self::default();
        let ringing = bell.clone();
        world.after(delay, move |_| ringing.ring());
        bell
    }

    pub(crate) async fn rung(&self) {
        poll_fn(|task| {
            let mut strokes = self.0.lock().unwrap();
            if strokes.has_rung {
                return Poll::Ready(());
            }
            strokes.wakers.push(task.waker().clone());
            Poll::Pending
        })
        .await;
    }
}
