//! A call under way.

use core::fmt;
use core::marker::PhantomData;
use core::pin::Pin;
use core::task::{Context as TaskContext, Poll};
use core::time::Duration;

use super::client::Ticket;
use crate::endpoint::client::{CallStatus, Completion, Transfer};
use crate::error::CallError;
use crate::marshal::Unmarshal;

/// A call that was started and whose result, of type `T`, is still to come.
///
/// It can be waited for, polled, cancelled, or awaited on any executor. The call was encoded and
/// submitted before this handle was made, so nothing is borrowed any more, and whatever goes wrong
/// shows in the result.
///
/// Dropping it cancels: a call that has not begun will not begin; one that runs goes on, and its
/// result is thrown away. [`detach`](Self::detach) lets it go on instead.
///
/// ```
/// # use farcall::{Loopback, Server, rpc_interface};
/// # #[rpc_interface]
/// # pub trait Calculator {
/// #     fn add(&self, a: i32, b: i32) -> i32;
/// # }
/// # struct Calc;
/// # impl Calculator for Calc {
/// #     fn add(&self, a: i32, b: i32) -> i32 { a + b }
/// # }
/// # let net = Loopback::new();
/// # let server = Server::on(&net, "calc")?.serve(CalculatorServer::new(Calc)).spawn()?;
/// let calc = CalculatorClient::on(&net, "calc")?;
/// // Three calls under way at once, from one thread.
/// let calls = [(1, 2), (3, 4), (5, 6)].map(|(a, b)| calc.start().add(a, b));
/// let sums = calls.map(|call| call.wait());
/// assert_eq!(sums.into_iter().collect::<Result<Vec<_>, _>>()?, [3, 7, 11]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It needs no runtime: any executor may await it, and nothing blocks there. Started calls are sent
/// together if they follow each other closely; a background thread of the client receives while nobody
/// waits.
///
/// ```
/// # use farcall::{Loopback, Server, rpc_interface};
/// # #[rpc_interface]
/// # pub trait Calculator {
/// #     fn add(&self, a: i32, b: i32) -> i32;
/// # }
/// # struct Calc;
/// # impl Calculator for Calc {
/// #     fn add(&self, a: i32, b: i32) -> i32 { a + b }
/// # }
/// # let net = Loopback::new();
/// # let server = Server::on(&net, "calc")?.serve(CalculatorServer::new(Calc)).spawn()?;
/// # let calc = CalculatorClient::on(&net, "calc")?;
/// # fn block_on<F: Future>(future: F) -> F::Output { pollster::block_on(future) }
/// let sum = block_on(async {
///     let first = calc.start().add(1, 2);
///     let second = calc.start().add(3, 4);
///     Ok::<_, farcall::CallError>(first.await? + second.await?)
/// })?;
/// assert_eq!(sum, 10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping it cancels the call; `wait` for it, await it or `detach` it"]
pub struct Pending<T> {
    /// `None` once the result was given out.
    ticket: Option<Ticket>,
    result: PhantomData<fn() -> T>,
}

impl<T> Pending<T>
where
    T: for<'a> Unmarshal<'a>,
{
    pub(super) fn new(ticket: Ticket) -> Self {
        Self { ticket: Some(ticket), result: PhantomData }
    }

    /// Waits for the result. It comes, or an error does, by the call's deadline at the latest.
    ///
    /// # Errors
    /// Whatever happened to the call.
    ///
    /// # Panics
    /// If the result was given out before.
    pub fn wait(mut self) -> Result<T, CallError> {
        loop {
            if let Some(result) = self.wait_for(None) {
                return result;
            }
        }
    }

    /// Waits for the result, but no longer than `timeout`. `None` means that it is still to come.
    ///
    /// The call's own deadline is not changed by this.
    ///
    /// ```
    /// # use farcall::{Loopback, Server, rpc_interface};
    /// # #[rpc_interface]
    /// # pub trait Calculator {
    /// #     fn add(&self, a: i32, b: i32) -> i32;
    /// # }
    /// # struct Calc;
    /// # impl Calculator for Calc {
    /// #     fn add(&self, a: i32, b: i32) -> i32 { a + b }
    /// # }
    /// # let net = Loopback::new();
    /// # let server = Server::on(&net, "calc")?.serve(CalculatorServer::new(Calc)).spawn()?;
    /// # let calc = CalculatorClient::on(&net, "calc")?;
    /// # use std::time::Duration;
    /// let mut call = calc.start().add(2, 3);
    /// let sum = loop {
    ///     match call.wait_timeout(Duration::from_millis(100)) {
    ///         Some(result) => break result?,
    ///         None => println!("still waiting: {:?}", call.status()),
    ///     }
    /// };
    /// assert_eq!(sum, 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// If the result was given out before.
    pub fn wait_timeout(&mut self, timeout: Duration) -> Option<Result<T, CallError>> {
        self.wait_for(Some(timeout))
    }

    /// The result, if it has come. Never blocks.
    ///
    /// ```
    /// # use farcall::{Loopback, Server, rpc_interface};
    /// # #[rpc_interface]
    /// # pub trait Calculator {
    /// #     fn add(&self, a: i32, b: i32) -> i32;
    /// # }
    /// # struct Calc;
    /// # impl Calculator for Calc {
    /// #     fn add(&self, a: i32, b: i32) -> i32 { a + b }
    /// # }
    /// # let net = Loopback::new();
    /// # let server = Server::on(&net, "calc")?.serve(CalculatorServer::new(Calc)).spawn()?;
    /// # let calc = CalculatorClient::on(&net, "calc")?;
    /// let mut call = calc.start().add(2, 3);
    /// let sum = loop {
    ///     // A game or a user interface does this once in each of its turns.
    ///     if let Some(result) = call.try_wait() {
    ///         break result?;
    ///     }
    ///     // .. draw the next frame
    /// };
    /// assert_eq!(sum, 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    /// If the result was given out before.
    pub fn try_wait(&mut self) -> Option<Result<T, CallError>> {
        let ticket = self.ticket();
        let completion = ticket.host.try_wait(ticket.key)?;
        Some(self.conclude(completion))
    }

    /// How far the call has come, as far as is known here: whether it waits, was sent, is queued at the
    /// server or runs there, and the progress that its handler [reported](crate::Context::report).
    pub fn status(&self) -> CallStatus {
        match &self.ticket {
            Some(ticket) => ticket.host.status(ticket.key),
            None => CallStatus::Finished,
        }
    }

    /// How many bytes of the arguments and of the result have been moved: for a progress bar of large
    /// messages. It never blocks, and it goes on while nobody waits. Once the result was given out, all is
    /// zero.
    ///
    /// ```
    /// # use farcall::{Loopback, Server, rpc_interface};
    /// # #[rpc_interface]
    /// # pub trait Store {
    /// #     fn put(&self, content: &[u8]) -> u64;
    /// # }
    /// # struct Disk;
    /// # impl Store for Disk {
    /// #     fn put(&self, content: &[u8]) -> u64 { content.len() as u64 }
    /// # }
    /// # let net = Loopback::new();
    /// # let server = Server::on(&net, "store")?.serve(StoreServer::new(Disk)).spawn()?;
    /// # let store = StoreClient::on(&net, "store")?;
    /// use std::time::Duration;
    ///
    /// let mut call = store.start().put(&vec![7; 1_000_000]);
    /// let size = loop {
    ///     if let Some(result) = call.wait_timeout(Duration::from_millis(50)) {
    ///         break result?;
    ///     }
    ///     let transfer = call.transfer();
    ///     match transfer.reply {
    ///         None => println!("sent {} of {} bytes", transfer.sent, transfer.request),
    ///         Some(size) => println!("received {} of {size} bytes", transfer.received),
    ///     }
    /// };
    /// assert_eq!(size, 1_000_000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn transfer(&self) -> Transfer {
        match &self.ticket {
            Some(ticket) => ticket.host.transfer(ticket.key),
            None => Transfer::default(),
        }
    }

    /// Asks that the call not run. The result still comes: an error that says `NotExecuted` if it had
    /// not begun, an error that says `Executed` if it had, or its result if that was faster.
    ///
    /// A handler that runs is told so: its [`Context::is_cancelled`](crate::Context::is_cancelled).
    ///
    /// ```
    /// # use farcall::{Loopback, Server, rpc_interface};
    /// # #[rpc_interface]
    /// # pub trait Calculator {
    /// #     fn add(&self, a: i32, b: i32) -> i32;
    /// # }
    /// # struct Calc;
    /// # impl Calculator for Calc {
    /// #     fn add(&self, a: i32, b: i32) -> i32 { a + b }
    /// # }
    /// # let net = Loopback::new();
    /// # let server = Server::on(&net, "calc")?.serve(CalculatorServer::new(Calc)).spawn()?;
    /// # use farcall::{CallErrorKind, Outcome};
    /// # let calc = CalculatorClient::on(&net, "calc")?;
    /// let call = calc.start().add(2, 3);
    /// call.cancel();
    /// match call.wait() {
    ///     Ok(sum) => println!("it was faster: {sum}"),
    ///     Err(error) => {
    ///         assert_eq!(*error.kind(), CallErrorKind::Cancelled);
    ///         println!("did it run? {}", error.outcome() == Outcome::Executed);
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cancel(&self) {
        if let Some(ticket) = &self.ticket {
            ticket.host.cancel(ticket.key);
        }
    }

    /// Lets the call go on without anybody waiting for it: it is repeated, as any call, until the server
    /// has it, and nobody learns what came of it.
    ///
    /// ```
    /// # use farcall::{Loopback, Server, rpc_interface};
    /// # #[rpc_interface]
    /// # pub trait Calculator {
    /// #     fn add(&self, a: i32, b: i32) -> i32;
    /// # }
    /// # struct Calc;
    /// # impl Calculator for Calc {
    /// #     fn add(&self, a: i32, b: i32) -> i32 { a + b }
    /// # }
    /// # let net = Loopback::new();
    /// # let server = Server::on(&net, "calc")?.serve(CalculatorServer::new(Calc)).spawn()?;
    /// # let calc = CalculatorClient::on(&net, "calc")?;
    /// calc.start().add(2, 3).detach();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn detach(mut self) {
        if let Some(ticket) = self.ticket.take() {
            ticket.detach();
        }
    }

    fn ticket(&self) -> &Ticket {
        self.ticket.as_ref().expect("the result of this call was given out before")
    }

    fn wait_for(&mut self, timeout: Option<Duration>) -> Option<Result<T, CallError>> {
        let ticket = self.ticket();
        let completion = ticket.host.wait(ticket.key, timeout)?;
        Some(self.conclude(completion))
    }

    fn conclude(&mut self, completion: Completion) -> Result<T, CallError> {
        let ticket = self.ticket.take().expect("it was there just now");
        let (ticket, reply) = ticket.ended(completion)?;
        ticket.decode(&reply)
    }
}

impl<T> Future for Pending<T>
where
    T: for<'a> Unmarshal<'a>,
{
    type Output = Result<T, CallError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let ticket = self.ticket();
        match ticket.host.poll(ticket.key, context.waker()) {
            Poll::Ready(completion) => Poll::Ready(self.conclude(completion)),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.ticket.as_ref().map(|ticket| ticket.host.status(ticket.key));
        f.debug_struct("Pending").field("status", &status).finish()
    }
}
