//! The attribute and derive macros of farcall.
//!
//! Users name both through the facade: `farcall::rpc_interface` and `farcall::Marshal`.
//!
//! The stages of the attribute, each in a module of its own: `attr` and `parse` turn syntax into
//! `model`, `check` applies the rules to the model, `codegen` makes tokens of it. `names` derives
//! identifiers and numbers, `diagnostics` collects the mistakes of all stages. The derive has the
//! same stages under `derive`.

mod attr;
mod check;
mod codegen;
mod derive;
mod diagnostics;
mod expand;
mod model;
mod names;
mod parse;

use proc_macro::TokenStream;

/// Makes a remote procedure call interface of a trait.
///
/// ```
/// use farcall::{Server, rpc_interface};
///
/// #[rpc_interface]
/// pub trait Calculator {
///     fn add(&self, a: i32, b: i32) -> i32;
///     fn upper(&self, text: &str) -> String;
///     #[rpc(idempotent)]
///     fn lookup(&self, key: String) -> Option<Vec<u8>>;
///     #[rpc(oneway)]
///     fn log(&self, line: &str);
/// }
///
/// struct Calc;
/// impl Calculator for Calc {
///     fn add(&self, a: i32, b: i32) -> i32 {
///         a + b
///     }
///     fn upper(&self, text: &str) -> String {
///         text.to_uppercase()
///     }
///     fn lookup(&self, key: String) -> Option<Vec<u8>> {
///         Some(key.into_bytes())
///     }
///     fn log(&self, line: &str) {
///         println!("{line}");
///     }
/// }
///
/// let server = Server::bind("127.0.0.1:0")?.serve(CalculatorServer::new(Calc)).spawn()?;
/// let calc = CalculatorClient::connect(server.local_addr())?;
/// assert_eq!(calc.add(2, 3)?, 5);
/// let pending = calc.start().upper("text"); // does not wait
/// assert_eq!(pending.wait()?, "TEXT");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What it generates
///
/// The trait stays as it is, without the attributes described here. Beside it, and as visible as
/// it, there are
///
/// - `CalculatorClient`, which has every method of the trait with `-> Result<T, CallError>`. It
///   is made by `connect(address)`, `on(&network, "name")`, `From<&Client>` or `client.stub()`,
///   and cheap to clone;
/// - `CalculatorStart`, which `calc.start()` returns: the same methods with `-> Pending<T>`,
///   except the oneway ones. A started call keeps no borrow of its arguments;
/// - `CalculatorServer<S>`, which makes an `S: Calculator + Send + Sync + 'static` callable:
///   `new(S)`, or `shared(Arc<S>)` for one that is used elsewhere too or is a `dyn Calculator`.
///   If there is an `async` method, `spawn_on` hands the handlers' futures to an executor.
///
/// `connect`, `on` and `start` are the only inherent names of ours on the client, and **your
/// method wins**: if the trait declares one of these names, ours is left out and remains
/// available through the trait `farcall::Stub`, as in `Stub::start(&calc)`. A method of yours
/// called `from` hides `From::from`: write `(&client).into()` or
/// `client.stub::<CalculatorClient>()`.
///
/// # Options of the interface
///
/// `#[rpc_interface(name = "acme.calculator", crate = ::wrapper::farcall, client_impl)]`
///
/// - `name = ".."`: the name by which client and server find each other. Without it, the name of
///   the trait; give one where two crates may have an interface of the same name.
/// - `crate = path`: where farcall is found, for crates that re-export it.
/// - `client_impl`: the client also implements the trait, so that code can be generic over local
///   and remote. Every method then returns a `Result<T, E>` with `E: From<CallError>`; that of a
///   failed call becomes an `Err`. A oneway method returns nothing even so: its failure to be
///   sent is lost. Not together with `#[ctx]` and `#[reply]`, which no client has.
///
/// ```
/// use farcall::{CallError, Loopback, Marshal, Server, rpc_interface};
///
/// #[derive(Marshal, Debug)]
/// pub enum StoreError {
///     Missing,
///     Unreachable(String),
/// }
///
/// impl From<CallError> for StoreError {
///     fn from(error: CallError) -> Self {
///         Self::Unreachable(error.to_string())
///     }
/// }
///
/// #[rpc_interface(name = "acme.store", client_impl)]
/// pub trait Store {
///     fn get(&self, key: &str) -> Result<u32, StoreError>;
/// }
///
/// /// Knows nothing about networks.
/// fn double(store: &impl Store) -> Result<u32, StoreError> {
///     Ok(2 * store.get("answer")?)
/// }
///
/// struct Memory;
/// impl Store for Memory {
///     fn get(&self, key: &str) -> Result<u32, StoreError> {
///         if key == "answer" { Ok(21) } else { Err(StoreError::Missing) }
///     }
/// }
///
/// let net = Loopback::new();
/// let server = Server::on(&net, "store")?.serve(StoreServer::new(Memory)).spawn()?;
/// let store = StoreClient::on(&net, "store")?;
/// assert_eq!(double(&store).unwrap(), double(&Memory).unwrap());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Options of a method
///
/// Any number of them in `#[rpc(..)]`:
///
/// - `idempotent`: a run at any later time, and after other calls too, does no harm. The call may
///   be repeated, and its reply need not be kept.
/// - `oneway`: one message, no reply, no promise. The method returns nothing, and cannot be
///   `idempotent` or have a `deadline`.
/// - `deadline = "30s"`: how long a caller waits unless it says otherwise. Units from `ns` to
///   `days`, also combined as in `"1m 30s"`; zero is an error.
/// - `id = N`: the number of the method on the wire, an unsigned 32-bit integer. Without it, the
///   FNV-1a hash of the name. Give the old number, which `farcall::describe` shows, to a method
///   that is renamed, or another to one of two methods whose hashes collide.
/// - `single_datagram`: the program does not compile unless arguments and reply always fit one
///   datagram of 1,200 bytes, by `Marshal::MAX` of their types.
/// - `max_request = N`, `max_reply = N`: the most bytes that the encoded arguments and the encoded
///   result may take, in place of the settings `maximum_request` and `maximum_reply` of client and
///   server. From 1 byte to 1 GiB, as an integer literal or as text with KiB, MiB or GiB, as in
///   `"16 MiB"`. Each side applies the limit that it was compiled with; it is no part of the
///   signature, nor of what `farcall::describe` and `farcall::assert_compatible` see. A server
///   books `max_reply` bytes before it runs the method, so that a result is never lost for want
///   of memory: name what the method needs. Not together with `oneway`, which is one datagram in
///   any case, or `single_datagram`.
///
/// ```
/// use farcall::rpc_interface;
///
/// #[rpc_interface]
/// pub trait Sensor {
///     #[rpc(idempotent, deadline = "250ms", single_datagram)]
///     fn read(&self, channel: u16) -> Option<[f32; 16]>;
///     #[rpc(id = 7)] // was called `clear`
///     fn reset(&self);
///     #[rpc(oneway)]
///     fn beat(&self, count: u64);
/// }
/// ```
///
/// ```compile_fail,E0080
/// # use farcall::rpc_interface;
/// #[rpc_interface]
/// pub trait Sensor {
///     #[rpc(single_datagram)]
///     fn log(&self, line: &str); // of any length
/// }
/// ```
///
/// ```
/// use farcall::{CallErrorKind, Loopback, Outcome, Server, rpc_interface};
///
/// #[rpc_interface]
/// pub trait Thumbnails {
///     #[rpc(max_request = "1 MiB", max_reply = 65_536)]
///     fn shrink(&self, image: &[u8]) -> Vec<u8>;
/// }
///
/// # struct Shrinker;
/// # impl Thumbnails for Shrinker {
/// #     fn shrink(&self, image: &[u8]) -> Vec<u8> { image.iter().step_by(16).copied().collect() }
/// # }
/// # let net = Loopback::new();
/// # let server = Server::on(&net, "images")?.serve(ThumbnailsServer::new(Shrinker)).spawn()?;
/// # let images = ThumbnailsClient::on(&net, "images")?;
/// let error = images.shrink(&[0; 2_000_000]).unwrap_err(); // refused here, before it is sent
/// assert!(matches!(error.kind(), CallErrorKind::RequestTooLarge { limit: 1_048_576, .. }), "{error}");
/// assert_eq!(error.outcome(), Outcome::NotExecuted);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # The context of a call
///
/// An argument marked `#[ctx]`, right after `&self`, is not sent: the server makes it. It tells
/// about the caller, the remaining time and cancellation. The mark is written in the trait only;
/// in the `impl`, where no macro removes it, rustc would not know it.
///
/// ```
/// # use farcall::{Context, Loopback, Server, rpc_interface};
/// #[rpc_interface]
/// pub trait Jobs {
///     fn run(&self, #[ctx] cx: &Context, steps: u32) -> u32;
/// }
///
/// # struct Worker;
/// impl Jobs for Worker {
///     fn run(&self, cx: &Context, steps: u32) -> u32 {
///         (0..steps).take_while(|_| !cx.is_cancelled()).count() as u32
///     }
/// }
///
/// # let net = Loopback::new();
/// # let server = Server::on(&net, "jobs")?.serve(JobsServer::new(Worker)).spawn()?;
/// # let jobs = JobsClient::on(&net, "jobs")?;
/// assert_eq!(jobs.run(3)?, 3); // the client has no such argument
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Answering later
///
/// A handler whose answer comes from elsewhere takes a last argument `#[reply] to: Reply<T>` in
/// place of its return value, and answers with `to.send(value)` when it can, from any thread. It
/// holds no worker until then. To callers the method is one that returns `T`; in the `impl` the
/// argument has no mark.
///
/// ```
/// # use farcall::{Loopback, Reply, Server, rpc_interface};
/// #[rpc_interface]
/// pub trait Jobs {
///     fn run(&self, steps: u32, #[reply] to: Reply<u32>);
/// }
///
/// # struct Worker;
/// impl Jobs for Worker {
///     fn run(&self, steps: u32, to: Reply<u32>) {
///         std::thread::spawn(move || to.send(steps * 2));
///     }
/// }
///
/// # let net = Loopback::new();
/// # let server = Server::on(&net, "jobs")?.serve(JobsServer::new(Worker)).spawn()?;
/// # let jobs = JobsClient::on(&net, "jobs")?;
/// assert_eq!(jobs.run(3)?, 6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Asynchronous handlers
///
/// `async fn` in the trait stands for `-> impl Future<Output = T> + Send`, which may be written as
/// well; implement it with `async fn`. The workers of the server poll the future, so that no
/// runtime is needed, and while it waits it holds no worker. A handler that needs an executor's
/// timers or sockets is handed to it with `spawn_on`:
///
/// ```
/// # use std::time::Duration;
/// # use farcall::{Loopback, Server, rpc_interface};
/// #[rpc_interface]
/// pub trait Jobs {
///     async fn run(&self, name: &str) -> usize;
/// }
///
/// # struct Worker;
/// impl Jobs for Worker {
///     async fn run(&self, name: &str) -> usize {
///         tokio::time::sleep(Duration::from_millis(1)).await;
///         name.len()
///     }
/// }
///
/// # let net = Loopback::new();
/// let runtime = tokio::runtime::Runtime::new()?;
/// let handle = runtime.handle().clone();
/// let jobs = JobsServer::new(Worker).spawn_on(move |future| handle.spawn(future));
/// let server = Server::on(&net, "jobs")?.serve(jobs).spawn()?;
/// # let jobs = JobsClient::on(&net, "jobs")?;
/// assert_eq!(jobs.run("four")?, 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// How a handler answers is the server's own affair: the wire is the same for all forms, and
/// whether a caller waits is the caller's choice, by `jobs.run(..)` or `jobs.start().run(..)`.
///
/// # What a method may look like
///
/// - It takes `&self`: handlers run concurrently, so state that changes is kept behind a lock.
/// - Arguments are of types that implement `Marshal` and `Unmarshal`, or references to such:
///   `&str`, `&[u8]`, `&[T]`, `&T`. Text and bytes are lent from the received message without a
///   copy. Inside another type, only what borrows by itself may be borrowed: `Option<&str>`,
///   `Cow<'_, str>`, your own `Line<'_>`.
/// - The reply owns what it is made of. A `Result<T, E>` is a value like any other: the client
///   sees `Result<Result<T, E>, CallError>`, so that an error of yours is never mixed up with a
///   failed call.
/// - Lifetimes, default bodies (but not of an `async fn`) and supertraits are welcome; methods of
///   supertraits are not served. A method without `->` is answered as well: the caller learns that it has run.
/// - `doc`, `cfg`, `deprecated`, `allow`, `warn` and `deny` are repeated on the stubs. With
///   `cfg`, a method is there or not on each side by itself.
///
/// Not possible are `&mut` arguments, generic methods or traits, `Self` in a signature,
/// associated types and constants, and `unsafe`, `const`, `extern` or `where` on a method. Each
/// has a message that says what to do instead, and all mistakes of a trait are reported at once.
#[proc_macro_attribute]
pub fn rpc_interface(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::interface(arguments.into(), item.into()).into()
}

/// Derives `Marshal` and `Unmarshal`: how a type is written to and read from a message.
///
/// ```
/// use farcall::Marshal;
///
/// #[derive(Marshal)]
/// pub struct Line<'a, T> {
///     text: &'a str, // borrowed from the message
///     marks: Vec<T>,
/// }
///
/// #[derive(Marshal)]
/// pub enum Shape {
///     Point,
///     Circle { radius: u32 },
///     Polygon(Vec<(i32, i32)>),
/// }
/// ```
///
/// The encoding is XDR (RFC 4506):
///
/// - a struct of any kind is its fields in the order in which they are written;
/// - an enum is a discriminated union: an unsigned integer, the **position** of the variant
///   counted from 0, then the variant's fields. An explicit discriminant (`A = 7`) plays no part;
/// - `usize` is sent as a hyper, and checked against the receiver's own size on arrival.
///
/// Names are not sent. They appear in descriptions and in errors.
///
/// # When a type changes
///
/// A type is a part of the signature of every method that uses it, however deep inside. Clients and
/// servers that have different versions of it refuse each other's calls of these methods, with
/// `CallErrorKind::SignatureMismatch`, before anything runs. That holds for each of these:
///
/// - a field added, removed or moved, or its type changed;
/// - a variant added, **also at the end**, removed or moved. An old client could not read the new
///   variant in a reply, and would learn that only after the call has run.
///
/// Other names of types, fields and variants change nothing. A type that has to grow while old
/// clients are about goes into a new method beside the old one, or has room from the beginning: a
/// variant `Other { kind: u32, content: Vec<u8> }`, a map of properties.
/// `farcall::assert_compatible` finds such changes in a test.
///
/// Every type parameter is bound by `Marshal` in one impl and `Unmarshal` in the other. All
/// fields have to implement both. A type may contain itself behind a `Box` or a `Vec`.
///
/// # Options
///
/// They stand in `#[marshal(..)]` on the type, except for `serde`, which stands on a field.
///
/// - `bound = ".."` replaces the bounds of the type parameters in both impls, for types whose
///   parameters are not what is sent. It is the text of a `where` clause and may be empty:
///
///   ```
///   # use std::marker::PhantomData;
///   # use farcall::{Marshal, Unmarshal};
///   pub trait Family {
///       type Key;
///   }
///
///   #[derive(Marshal)]
///   #[marshal(bound = "F::Key: Marshal + for<'a> Unmarshal<'a>")]
///   pub struct Entry<F: Family> {
///       key: F::Key,
///   }
///
///   #[derive(Marshal)]
///   #[marshal(bound = "")]
///   pub struct Id<T> {
///       number: u64,
///       of: PhantomData<fn() -> T>,
///   }
///   ```
///
/// - `crate = path` says where farcall is found, for crates that re-export it.
///
/// - `serde`, on a field: the field's type implements the traits of serde and not `Marshal`. It
///   needs farcall's feature `serde`. What is encoded, and what does not work, is in the
///   documentation of `farcall::Serde`, which does the same for an argument or a result.
///
///   ```
///   use farcall::{Marshal, Serde, rpc_interface};
///   use uuid::Uuid;
///
///   #[derive(Marshal)]
///   pub struct Order {
///       #[marshal(serde)]
///       id: Uuid,
///       items: Vec<String>,
///   }
///
///   #[rpc_interface]
///   pub trait Shop {
///       fn order(&self, order: Order) -> bool;
///       fn cancel(&self, id: Serde<Uuid>) -> Option<Order>;
///   }
///   ```
///
///   A type parameter that is used in such fields only needs a `bound`:
///   `#[marshal(bound = "T: serde::Serialize + for<'a> serde::Deserialize<'a>")]`.
///
/// Unions, enums without variants and packed structs cannot be derived.
#[proc_macro_derive(Marshal, attributes(marshal))]
pub fn derive_marshal(item: TokenStream) -> TokenStream {
    derive::expand(item.into()).into()
}
