//! A call on its way into a handler, as generated code sees it.

use bytes::Bytes;

use super::keeper::{Debt, Keeper};
use super::reply::Reply;
use crate::context::Context;
use crate::endpoint::server::{CallToken, Ready};
use crate::marshal::{Reader, received};

/// One call on its way into a handler.
pub struct Call<'m> {
    method: u32,
    message: &'m Bytes,
    context: &'m Context,
    token: CallToken,
    keeper: &'m dyn Keeper,
}

impl<'m> Call<'m> {
    /// A call that `keeper` has taken, to be answered there.
    pub fn new(ready: &'m Ready, keeper: &'m dyn Keeper) -> Self {
        let Ready { token, method, body, context, .. } = ready;
        Self { method: *method, message: body, context, token: *token, keeper }
    }

    /// The id of the method.
    pub fn method(&self) -> u32 {
        self.method
    }

    /// Reads the encoded arguments.
    pub fn reader(&self) -> Reader<'m> {
        received(self.message)
    }

    /// What the handler may know about the call.
    pub fn context(&self) -> &Context {
        self.context
    }

    /// Says that all arguments are decoded and the handler is entered next.
    pub fn enter(&self) {
        self.context.enter();
    }

    /// What the handler answers with that answers later. To be followed by
    /// [`Answer::later`](super::Answer::later).
    pub fn reply<T>(&self) -> Reply<T> {
        Reply::new(Debt::new(self.keeper.downgrade(), self.token, self.context.clone()))
    }

    /// The same call for a handler that outlives this one.
    pub fn to_owned(&self) -> OwnedCall {
        OwnedCall { message: self.message.clone(), context: self.context.clone() }
    }
}

/// A call that owns its arguments, for a handler that is a future.
#[derive(Debug)]
pub struct OwnedCall {
    message: Bytes,
    context: Context,
}

impl OwnedCall {
    /// Reads the encoded arguments.
    pub fn reader(&self) -> Reader<'_> {
        received(&self.message)
    }

    /// What the handler may know about the call.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Says that all arguments are decoded and the handler is entered next.
    pub fn enter(&self) {
        self.context.enter();
    }
}
