//! Handlers that are futures, polled by the workers or by an executor.

use core::future::{Future, poll_fn};
use core::task::{Poll, Waker};
use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use farcall::{CallError, CallErrorKind, Context, Outcome, Pending, Server, Stub, rpc_interface};
use tokio::sync::Semaphore;

use crate::support::{both, eventually, until_running};

#[rpc_interface]
pub trait Door {
    /// Answers when the door is open.
    async fn pass(&self, name: &str, luggage: Cow<'_, [u8]>, list: &[u32]) -> String;
    fn open(&self);
    /// The same written out, without borrowing.
    fn explicit(&self, number: u32) -> impl Future<Output = u32> + Send;
    async fn nothing(&self);
    async fn fallible(&self, number: u32) -> Result<u32, String>;
    async fn panics_at_once(&self) -> u32;
    async fn panics_later(&self) -> u32;
    async fn with_context(&self, #[ctx] cx: &Context) -> Option<Duration>;
    #[rpc(oneway)]
    async fn knock(&self, times: usize);
    async fn r#move<'a>(&'a self, r#type: &'a str) -> usize;
}

#[derive(Default)]
struct Wooden {
    is_open: Mutex<(bool, Vec<Waker>)>,
    knocks: AtomicUsize,
}

impl Wooden {
    async fn opened(&self) {
        poll_fn(|task| {
            let mut state = self.is_open.lock().unwrap();
            if state.0 {
                return Poll::Ready(());
            }
            state.1.push(task.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

async fn yielded() {
    let mut is_first = true;
    poll_fn(|task| {
        if !core::mem::take(&mut is_first) {
            return Poll::Ready(());
        }
        task.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Door for Wooden {
    async fn pass(&self, name: &str, luggage: Cow<'_, [u8]>, list: &[u32]) -> String {
        self.opened().await;
        format!("{name} with {} and {list:?}", luggage.len())
    }

    fn open(&self) {
        let mut state = self.is_open.lock().unwrap();
        state.0 = true;
        let wakers = core::mem::take(&mut state.1);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    async fn explicit(&self, number: u32) -> u32 {
        yielded().await;
        number + 1
    }

    async fn nothing(&self) {}

    async fn fallible(&self, number: u32) -> Result<u32, String> {
        yielded().await;
        number.checked_sub(10).ok_or("too small".to_owned())
    }

    async fn panics_at_once(&self) -> u32 {
        panic!("at once");
    }

    async fn panics_later(&self) -> u32 {
        yielded().await;
        panic!("later");
    }

    async fn with_context(&self, cx: &Context) -> Option<Duration> {
        yielded().await;
        cx.remaining()
    }

    async fn knock(&self, times: usize) {
        yielded().await;
        self.knocks.fetch_add(times, Ordering::Relaxed);
    }

    async fn r#move<'a>(&'a self, r#type: &'a str) -> usize {
        yielded().await;
        r#type.len()
    }
}

both! {
    fn a_future_that_waits_holds_no_worker(place: &Place) {
        let server = place.serve_with(Server::builder().workers(1), |server| {
            server.serve(DoorServer::new(Wooden::default()))
        });
        // More than one session's lanes, and more than any number of workers.
        let clients: Vec<DoorClient> = (0..8).map(|_| server.stub()).collect();
        let waiting: Vec<_> = (0..1000)
            .map(|index: u32| {
                let client = &clients[index as usize % clients.len()];
                let name = format!("guest {index}");
                client.start().pass(&name, Cow::Owned(vec![7; 100]), &[index])
            })
            .collect();
        eventually("as many wait as there are lanes", || {
            (server.handle.statistics().suspended == 1000).then_some(())
        });
        clients[0].with_deadline(crate::support::PATIENCE).open().unwrap();
        for (index, call) in waiting.into_iter().enumerate() {
            assert_eq!(call.wait().unwrap(), format!("guest {index} with 100 and [{index}]"));
        }
        assert_eq!(server.handle.statistics().suspended, 0);
    }

    fn every_form_of_future_answers(place: &Place) {
        let door = Arc::new(Wooden::default());
        let service = DoorServer::shared(Arc::clone(&door));
        let server = place.serve(|server| server.serve(service));
        let client: DoorClient = server.stub();
        assert_eq!(client.explicit(1).unwrap(), 2);
        client.nothing().unwrap();
        assert_eq!(client.fallible(12).unwrap(), Ok(2));
        assert_eq!(client.fallible(2).unwrap(), Err("too small".to_owned()));
        assert_eq!(client.r#move("four").unwrap(), 4);
        let hour = client.with_deadline(Duration::from_secs(3600));
        assert!(hour.with_context().unwrap().unwrap() > Duration::from_secs(3000));
        client.knock(3).unwrap();
        eventually("it was heard", || (door.knocks.load(Ordering::Relaxed) == 3).then_some(()));
    }

    fn a_panic_ends_its_own_call_only(place: &Place) {
        let server = place.serve(|server| server.serve(DoorServer::new(Wooden::default())));
        let client: DoorClient = server.stub();
        for (error, text) in [
            (client.panics_at_once().unwrap_err(), "at once"),
            (client.panics_later().unwrap_err(), "later"),
        ] {
            let message = text.to_owned();
            assert_eq!(error.kind(), &CallErrorKind::HandlerPanicked { message });
            assert_eq!(error.outcome(), Outcome::Executed);
        }
        client.nothing().unwrap();
    }
}

/// Handlers that need a runtime: its timers panic on any other thread.
#[rpc_interface]
pub trait Clock {
    async fn sleep(&self, milliseconds: u64) -> u64;
    fn plain(&self) -> bool;
}

struct Tokio {
    entered: Semaphore,
}

impl Clock for Tokio {
    async fn sleep(&self, milliseconds: u64) -> u64 {
        let _permit = self.entered.acquire().await.unwrap();
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        milliseconds
    }

    fn plain(&self) -> bool {
        tokio::runtime::Handle::try_current().is_ok()
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

both! {
    fn an_executor_polls_what_needs_it(place: &Place) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .unwrap();
        let handle = runtime.handle().clone();
        let service = ClockServer::new(Tokio { entered: Semaphore::new(1000) })
            .spawn_on(move |future| handle.spawn(future));
        let server = place.serve_with(Server::builder().workers(1), |s| s.serve(service));
        let client: ClockClient = server.stub();
        let calls: Vec<_> = (0..100).map(|_| client.start().sleep(50)).collect();
        for call in calls {
            assert_eq!(call.wait().unwrap(), 50);
        }
        assert!(!client.plain().unwrap(), "plain handlers stay with the workers");
        let mut forgotten = client.start().sleep(60_000);
        until_running(&mut forgotten);
        // The runtime drops what has not ended, and the caller is told.
        runtime.shutdown_background();
        let error = forgotten.wait().unwrap_err();
        assert_eq!(error.outcome(), Outcome::Executed);
        // From now on it drops futures before they are polled.
        let refused = client.sleep(1).unwrap_err();
        assert_eq!(refused.outcome(), Outcome::NotExecuted, "{refused}");
    }

    fn nothing_blocks_the_executor_of_a_caller(place: &Place) {
        let service = ClockServer::new(Tokio { entered: Semaphore::new(0) });
        let server = place.serve(|server| server.serve(service));
        let client: ClockClient = server.stub();
        let client = client.with_deadline(Duration::from_millis(300));
        // One thread: a call that blocked it would stop the ticks.
        let ticks = runtime().block_on(async {
            let calls: Vec<Pending<_>> = (0..100).map(|_| client.start().sleep(1)).collect();
            let ticking = async {
                for tick in 0.. {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    if tick == 100 {
                        return tick;
                    }
                }
                unreachable!()
            };
            let ticks = ticking.await;
            // None of them is answered: the handlers wait for a permit that never comes.
            for call in calls {
                assert!(matches!(
                    call.await.unwrap_err().kind(),
                    CallErrorKind::DeadlineExceeded { .. }
                ));
            }
            ticks
        });
        assert_eq!(ticks, 100);
    }
}

/// The application's error has room for a failed call.
#[derive(farcall::Marshal, Debug, PartialEq)]
pub enum StoreError {
    Missing,
    Failed(String),
}

impl From<CallError> for StoreError {
    fn from(error: CallError) -> Self {
        Self::Failed(error.outcome().to_string())
    }
}

#[rpc_interface(client_impl)]
pub trait Store {
    async fn get(&self, key: &str) -> Result<u32, StoreError>;
    #[rpc(oneway)]
    async fn touch(&self, key: &str);
    fn put(&self, key: String, value: u32) -> Result<(), StoreError>;
}

#[derive(Default)]
struct Memory(Mutex<std::collections::HashMap<String, u32>>);

impl Store for Memory {
    async fn get(&self, key: &str) -> Result<u32, StoreError> {
        self.0.lock().unwrap().get(key).copied().ok_or(StoreError::Missing)
    }

    async fn touch(&self, key: &str) {
        *self.0.lock().unwrap().entry(key.to_owned()).or_default() += 1;
    }

    fn put(&self, key: String, value: u32) -> Result<(), StoreError> {
        self.0.lock().unwrap().insert(key, value);
        Ok(())
    }
}

/// Works with anything that is a store, near or far.
async fn use_store(store: &impl Store) -> Result<u32, StoreError> {
    store.put("a".to_owned(), 1)?;
    assert_eq!(store.get("b").await, Err(StoreError::Missing));
    store.touch("a").await;
    for _ in 0..1000 {
        let value = store.get("a").await?;
        if value == 2 {
            return Ok(value);
        }
        yielded().await;
    }
    Err(StoreError::Missing)
}

both! {
    fn the_client_is_a_store_as_well(place: &Place) {
        let server = place.serve(|server| server.serve(StoreServer::new(Memory::default())));
        let client: StoreClient = server.stub();
        assert_eq!(pollster::block_on(use_store(&client)), Ok(2));
        assert_eq!(pollster::block_on(use_store(&Memory::default())), Ok(2));
        let client = client.with_deadline(Duration::from_millis(200));
        drop(server);
        let failed = pollster::block_on(Store::get(&client, "a"));
        assert!(matches!(failed, Err(StoreError::Failed(_))), "{failed:?}");
    }
}

#[rpc_interface]
pub trait Sensor {
    #[rpc(single_datagram)]
    fn read(&self, channel: u16, window: [u64; 8]) -> Option<[f64; 64]>;
    #[rpc(single_datagram, idempotent)]
    async fn reset(&self, channels: [bool; 100]);
    /// Text of any length is no hindrance where there is no reply.
    #[rpc(single_datagram, oneway)]
    fn beat(&self, count: u64);
}

struct Constant;

impl Sensor for Constant {
    fn read(&self, channel: u16, window: [u64; 8]) -> Option<[f64; 64]> {
        (channel == 1).then_some([window[7] as f64; 64])
    }

    async fn reset(&self, channels: [bool; 100]) {
        assert!(channels[99]);
    }

    fn beat(&self, _count: u64) {}
}

both! {
    fn bounded_messages_are_ordinary_ones(place: &Place) {
        let server = place.serve(|server| server.serve(SensorServer::new(Constant)));
        let client: SensorClient = server.stub();
        assert_eq!(client.read(1, [5; 8]).unwrap(), Some([5.0; 64]));
        client.reset([true; 100]).unwrap();
        client.beat(1).unwrap();
    }
}
