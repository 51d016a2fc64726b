//! What generated code makes of a call.

use core::fmt;
use core::pin::Pin;

use super::spawner::Spawner;
use crate::endpoint::server::Finished;
use crate::marshal::{DecodeError, Marshal, Writer};

/// The future of a handler, on its way to whoever polls it.
pub(super) type Handler = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// What generated code makes of a call: its result, or how the result will come.
pub struct Answer(pub(super) Kind);

/// What an [`Answer`] says.
pub(super) enum Kind {
    Finished(Finished),
    Later,
    Future(Handler, Option<Spawner>),
}

impl Answer {
    /// Encodes a handler's result.
    pub fn reply<T: Marshal>(result: T) -> Self {
        Self::finished(encode(result))
    }

    /// The answer of a one-way method.
    pub fn none() -> Self {
        Self::finished(Finished::Nothing)
    }

    /// An argument could not be decoded, or, where `argument` is empty, bytes follow the last one.
    /// The handler was not entered.
    pub fn undecodable(argument: &'static str, error: DecodeError) -> Self {
        let detail = if argument.is_empty() {
            error.to_string()
        } else {
            format!("argument `{argument}`: {error}")
        };
        Self::finished(Finished::Undecodable { detail })
    }

    /// There is no such method. Nothing was entered.
    pub fn unknown_method() -> Self {
        Self::finished(Finished::UnknownMethod)
    }

    /// The handler was given a [`Reply`](super::Reply), and that is what answers.
    pub fn later() -> Self {
        Self(Kind::Later)
    }

    /// The answer is what `future` ends with. The workers of the server poll it, or, with a spawner,
    /// the executor behind that.
    pub fn future(
        spawner: Option<&Spawner>,
        future: impl Future<Output = Self> + Send + 'static,
    ) -> Self {
        Self(Kind::Future(Box::pin(future), spawner.cloned()))
    }

    /// As [`future`](Self::future), for the steps of generated code: the first that fails has the answer.
    pub fn steps(
        spawner: Option<&Spawner>,
        steps: impl Future<Output = Result<Self, Self>> + Send + 'static,
    ) -> Self {
        Self::future(spawner, async move {
            match steps.await {
                Ok(answer) | Err(answer) => answer,
            }
        })
    }

    fn finished(finished: Finished) -> Self {
        Self(Kind::Finished(finished))
    }

    /// What a future has ended with. It cannot put the answer off once more.
    pub(super) fn into_finished(self) -> Finished {
        match self.0 {
            Kind::Finished(finished) => finished,
            Kind::Later | Kind::Future(..) => Finished::Dropped,
        }
    }
}

/// Encodes a result.
pub(super) fn encode<T: Marshal>(result: T) -> Finished {
    let room = match T::MAX {
        Some(most @ ..=1024) => most,
        _ => result.marshal_owned_room(),
    };
    let mut writer = Writer::for_room(room);
    result.marshal_owned(&mut writer);
    match writer.finish_body() {
        Ok(reply) => Finished::Reply(reply),
        Err(error) => Finished::Unencodable { detail: error.to_string() },
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Finished(finished) => f.debug_tuple("Answer").field(finished).finish(),
            Kind::Later => f.write_str("Answer(Later)"),
            Kind::Future(..) => f.write_str("Answer(Future)"),
        }
    }
}
