//! What generated code does with the type that a method returns.

use super::client::{Client, Ticket};
use super::pending::Pending;
use crate::error::CallError;
use crate::marshal::{Schema, Unmarshal, Writer};
use crate::service::{Answer, Interface, Method};

/// A type that a method may return: one that can be sent and owns all its parts.
///
/// Generated code asks for everything about such a type through this one trait, so that a type which
/// cannot be sent is reported once. Every function is the little that depends on the type; the rest is
/// there once for all.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent: it does not implement both `Marshal` and `Unmarshal`",
    label = "cannot be sent",
    note = "a type of your own: put `#[derive(farcall::Marshal)]` on it",
    note = "a type of another crate: wrap it in one of your own, or, if it implements the traits of serde, enable farcall's feature `serde` and send it as `farcall::Serde<..>`; mark a field with `#[marshal(serde)]`"
)]
pub trait Returned: Sized {
    /// The most bytes that a value can take.
    const MOST: Option<usize>;

    /// Makes a call and waits for its result.
    ///
    /// # Errors
    /// Whatever happened to the call.
    fn call(
        client: &Client,
        interface: &'static Interface,
        method: &'static Method,
        arguments: Writer,
    ) -> Result<Self, CallError>;

    /// Starts a call.
    fn start(
        client: &Client,
        interface: &'static Interface,
        method: &'static Method,
        arguments: Writer,
    ) -> Pending<Self>;

    /// Answers a call.
    fn answer(value: Self) -> Answer;

    /// Describes the result of a method.
    fn describe(schema: &mut Schema);
}

impl<T> Returned for T
where
    T: for<'a> Unmarshal<'a>,
{
    const MOST: Option<usize> = T::MAX;

    fn call(
        client: &Client,
        interface: &'static Interface,
        method: &'static Method,
        arguments: Writer,
    ) -> Result<Self, CallError> {
        let (ticket, reply) = Ticket::call(client, interface, method, arguments)?;
        ticket.decode(&reply)
    }

    fn start(
        client: &Client,
        interface: &'static Interface,
        method: &'static Method,
        arguments: Writer,
    ) -> Pending<Self> {
        Pending::new(Ticket::submit(client, interface, method, arguments))
    }

    fn answer(value: Self) -> Answer {
        Answer::reply(value)
    }

    fn describe(schema: &mut Schema) {
        schema.reply::<Self>();
    }
}
