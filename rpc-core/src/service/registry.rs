//! Which service answers which method.

use core::any::Any;
use core::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::answer::{Answer, Handler, Kind};
use super::keeper::{Debt, Keeper};
use super::spawner::Spawner;
use super::task::Task;
use super::{Call, Service};
use crate::endpoint::server::{Finished, MethodEntry, MethodTable, Ready};
use crate::error::ServeError;

/// Every interface that one server serves.
#[derive(Default)]
pub struct Registry {
    services: Vec<Box<dyn Service>>,
}

impl Registry {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a service. Two of one name are found by [`table`](Self::table).
    pub fn add(&mut self, service: impl Service) {
        self.services.push(Box::new(service));
    }

    /// The methods as the protocol core needs to know them.
    ///
    /// # Errors
    /// Two services of the same name, or two names with the same id.
    pub fn table(&self) -> Result<MethodTable, ServeError> {
        let mut table = MethodTable::default();
        for (index, service) in self.services.iter().enumerate() {
            let interface = service.interface();
            for other in &self.services[..index] {
                let other = other.interface();
                if other.name() == interface.name() {
                    return Err(ServeError::DuplicateInterface { name: interface.name() });
                }
                if other.id() == interface.id() {
                    return Err(ServeError::InterfaceIdCollision {
                        first: other.name(),
                        second: interface.name(),
                    });
                }
            }
            table.add_interface(interface.id());
            for method in interface.methods() {
                let signature = method.signature();
                table.add_method(
                    interface.id(),
                    method.id(),
                    MethodEntry {
                        service: index,
                        signature: signature.hash,
                        signature_text: &signature.text,
                        is_idempotent: method.is_idempotent(),
                        is_oneway: method.is_oneway(),
                        limits: method.limits(),
                    },
                );
            }
        }
        Ok(table)
    }

    /// Runs one call that `keeper` has taken. A panic of the handler ends in [`Finished::Panicked`],
    /// never in the caller. A future is polled for the first time.
    pub fn dispatch(&self, ready: &Ready, keeper: &dyn Keeper) -> Dispatched {
        let Some(service) = self.services.get(ready.service) else {
            return Dispatched::Finished(Finished::UnknownMethod);
        };
        #[cfg(feature = "tracing")]
        super::span::begin(service.interface(), ready);
        let call = Call::new(ready, keeper);
        let dispatch = || ready.context.scope(|| service.dispatch(&call));
        let dispatched = match catch_unwind(AssertUnwindSafe(dispatch)) {
            Ok(Answer(Kind::Finished(finished))) => Dispatched::Finished(finished),
            Ok(Answer(Kind::Later)) if ready.context.end_handler() => Dispatched::Later,
            Ok(Answer(Kind::Later)) => Dispatched::Finished(Finished::Dropped),
            Ok(Answer(Kind::Future(handler, spawner))) => begin(handler, spawner, ready, keeper),
            Err(payload) => {
                Dispatched::Finished(Finished::Panicked { message: panic_message(payload) })
            }
        };
        #[cfg(feature = "tracing")]
        if let Dispatched::Finished(finished) = &dispatched {
            super::span::end(&ready.context, finished);
        }
        dispatched
    }
}

/// How a call was answered.
#[derive(Debug)]
pub enum Dispatched {
    /// At once.
    Finished(Finished),
    /// It will be, and the worker is free meanwhile. The answer may have come already.
    Later,
    /// As `Later`, by this future, which waits to be woken.
    Idle(Arc<Task>),
    /// As `Later`, by this future, which was woken already and is to be polled again.
    Woken(Arc<Task>),
}

impl Dispatched {
    /// The future that answers, if that is how.
    pub fn into_task(self) -> Option<Arc<Task>> {
        match self {
            Self::Finished(_) | Self::Later => None,
            Self::Idle(task) | Self::Woken(task) => Some(task),
        }
    }
}

#[cold]
fn begin(
    handler: Handler,
    spawner: Option<Spawner>,
    ready: &Ready,
    keeper: &dyn Keeper,
) -> Dispatched {
    let Ready { token, service, method, context, .. } = ready;
    let (context, keeper) = (context.clone(), keeper.downgrade());
    if let Some(spawner) = spawner {
        // Nobody waits for this thread any more, whatever the executor does.
        context.end_handler();
        let debt = Debt::new(keeper, *token, context);
        let spawn = AssertUnwindSafe(|| spawner.spawn(handler, debt));
        // A panic drops the future, and that says what became of the call.
        let _ = catch_unwind(spawn).map_err(panic_message);
        return Dispatched::Later;
    }
    Task::new(handler, keeper, *token, (*service, *method), context).resume()
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.services.iter().map(|service| service.interface().name()))
            .finish()
    }
}

pub(super) fn panic_message(payload: Box<dyn Any + Send>) -> String {
    let message = if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "(the panic carried no text)".to_owned()
    };
    bury(payload);
    message
}

/// Runs the user's code where its panic is nobody's affair.
pub(crate) fn shielded(work: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(work)) {
        bury(payload);
    }
}

/// Drops what a panic carried: a value of the user's, whose destructor may panic as well. What that
/// carries is leaked, or there would be no end to it.
pub(crate) fn bury(payload: Box<dyn Any + Send>) {
    if let Err(next) = catch_unwind(AssertUnwindSafe(move || drop(payload))) {
        core::mem::forget(next);
    }
}
