//! Where encoded messages meet user code: the traits that generated code implements and calls, and
//! the registry that finds the handler of a request.
//!
//! A handler answers by returning, or later: with a [`Reply`] that it was given, or as a future. The
//! second and the third leave the worker free meanwhile.
//!
//! | file | what it does |
//! |---|---|
//! | `interface` | ids and signatures |
//! | `call`, `answer` | what goes into a handler and what comes out |
//! | `registry` | finds the handler and runs it |
//! | `keeper`, `reply` | answers that come later, and the duty to give one |
//! | `task`, `tasks` | futures that the workers poll |
//! | `spawner` | futures that an executor polls |

mod answer;
mod call;
mod decoded;
mod description;
mod interface;
mod keeper;
mod registry;
mod reply;
mod room;
#[cfg(feature = "tracing")]
mod span;
mod spawner;
mod task;
mod tasks;

pub use answer::Answer;
pub use call::{Call, OwnedCall};
pub use decoded::decoded;
pub use description::{Description, DescriptionError, Incompatibility, MethodDescription};
pub use interface::{Interface, Method, Signature, method_id};
pub(crate) use keeper::Debt;
pub use keeper::Keeper;
pub use registry::{Dispatched, Registry};
pub(crate) use registry::{bury, shielded};
pub use reply::Reply;
pub use room::{REPLY_ROOM, REQUEST_ROOM, assert_single_datagram};
pub use spawner::{CallFuture, Spawner};
pub use task::Task;
pub use tasks::Tasks;

/// A served interface. Generated code implements it for `XServer<S>`.
pub trait Service: Send + Sync + 'static {
    /// The interface it serves.
    fn interface(&self) -> &'static Interface;

    /// Decodes the arguments, runs the handler and encodes its result.
    fn dispatch(&self, call: &Call<'_>) -> Answer;
}
