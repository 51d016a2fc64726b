//! Which service answers which method.

use core::any::Any;
use core::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;

use super::{Call, Service};
use crate::context::Context;
use crate::endpoint::server::{Finished, MethodEntry, MethodTable};
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
                    },
                );
            }
        }
        Ok(table)
    }

    /// Runs one call. A panic of the handler ends in [`Finished::Panicked`], never in the caller.
    pub fn dispatch(
        &self,
        service: usize,
        method: u32,
        body: &Bytes,
        context: &Context,
    ) -> Finished {
        let Some(service) = self.services.get(service) else { return Finished::UnknownMethod };
        let call = Call::new(method, body, context);
        let dispatch = || context.scope(|| service.dispatch(&call));
        match catch_unwind(AssertUnwindSafe(dispatch)) {
            Ok(answer) => answer.into_finished(),
            Err(payload) => Finished::Panicked { message: panic_message(payload) },
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.services.iter().map(|service| service.interface().name()))
            .finish()
    }
}

fn panic_message(payload: Box<dyn Any + Send>) -> String {
    let message = if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "(the panic carried no text)".to_owned()
    };
    // The payload is the user's value, and its destructor is the user's code.
    drop(catch_unwind(AssertUnwindSafe(move || drop(payload))));
    message
}
