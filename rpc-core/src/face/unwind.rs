//! What users hold may be used in `catch_unwind` and after it: no lock is held while their code runs,
//! so that a panic of theirs leaves nothing half done.

use std::panic::{RefUnwindSafe, UnwindSafe};

use super::client::Client;
use super::pending::Pending;
use super::server::ServerHandle;
use crate::context::Context;
use crate::driver::Loopback;
use crate::error::CallError;
use crate::service::Reply;

impl UnwindSafe for Client {}
impl RefUnwindSafe for Client {}
impl<T> UnwindSafe for Pending<T> {}
impl<T> RefUnwindSafe for Pending<T> {}
impl UnwindSafe for ServerHandle {}
impl RefUnwindSafe for ServerHandle {}
impl UnwindSafe for Context {}
impl RefUnwindSafe for Context {}
impl<T> UnwindSafe for Reply<T> {}
impl<T> RefUnwindSafe for Reply<T> {}
impl UnwindSafe for CallError {}
impl RefUnwindSafe for CallError {}
impl UnwindSafe for Loopback {}
impl RefUnwindSafe for Loopback {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_users_hold_may_cross_a_caught_panic() {
        fn may<T: UnwindSafe + RefUnwindSafe>() {}
        may::<(Client, ServerHandle, Context, CallError, Loopback)>();
        may::<(Pending<u32>, Reply<u32>)>();
    }
}
