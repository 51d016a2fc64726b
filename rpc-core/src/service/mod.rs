//! Where encoded messages meet user code: the traits that generated code implements and calls, and
//! the registry that finds the handler of a request.

mod interface;
mod registry;

pub use interface::{Interface, Method, Signature, method_id};
pub use registry::Registry;

use bytes::Bytes;

use crate::context::Context;
use crate::endpoint::server::Finished;
use crate::marshal::{DecodeError, Marshal, Reader, Writer};

/// A served interface. Generated code implements it for `XServer<S>`.
pub trait Service: Send + Sync + 'static {
    /// The interface it serves.
    fn interface(&self) -> &'static Interface;

    /// Decodes the arguments, runs the handler and encodes its result.
    fn dispatch(&self, call: &Call<'_>) -> Answer;
}

/// One call on its way into a handler.
#[derive(Debug)]
pub struct Call<'m> {
    method: u32,
    message: &'m Bytes,
    context: &'m Context,
}

impl<'m> Call<'m> {
    /// A call of the method with this id, with its encoded arguments.
    pub fn new(method: u32, message: &'m Bytes, context: &'m Context) -> Self {
        Self { method, message, context }
    }

    /// The id of the method.
    pub fn method(&self) -> u32 {
        self.method
    }

    /// Reads the encoded arguments.
    pub fn reader(&self) -> Reader<'m> {
        Reader::of_message(self.message)
    }

    /// What the handler may know about the call.
    pub fn context(&self) -> &Context {
        self.context
    }

    /// Says that all arguments are decoded and the handler is entered next.
    pub fn enter(&self) {
        self.context.enter();
    }
}

/// What generated code makes of a call: the message of [`Finished`], from typed values.
#[derive(Debug)]
pub struct Answer(Finished);

impl Answer {
    /// Encodes a handler's result.
    pub fn reply<T: Marshal + ?Sized>(result: &T) -> Self {
        let mut writer = Writer::with_capacity(T::MAX.unwrap_or(64).min(1024));
        result.marshal(&mut writer);
        Self(Finished::Reply(writer.into_bytes()))
    }

    /// The answer of a one-way method.
    pub fn none() -> Self {
        Self(Finished::Nothing)
    }

    /// An argument could not be decoded, or, where `argument` is empty, bytes follow the last one.
    /// The handler was not entered.
    pub fn undecodable(argument: &'static str, error: DecodeError) -> Self {
        let detail = if argument.is_empty() {
            error.to_string()
        } else {
            format!("argument `{argument}`: {error}")
        };
        Self(Finished::Undecodable { detail })
    }

    /// There is no such method. Nothing was entered.
    pub fn unknown_method() -> Self {
        Self(Finished::UnknownMethod)
    }

    pub(crate) fn into_finished(self) -> Finished {
        self.0
    }
}
