//! Attributes that are copied, and those that must not be.

#![deny(warnings)]

use farcall::{Client, rpc_interface};

/// The interface.
#[rpc_interface]
#[cfg(all())]
#[cfg_attr(all(), doc = "More about it.")]
#[allow(non_snake_case)]
pub trait Attributes {
    /// Documented.
    #[must_use]
    #[inline]
    fn documented(&self) -> u32 {
        0
    }

    #[cfg(any())]
    fn absent(&self, missing: MissingType) -> MissingType;

    #[cfg_attr(all(), cfg(any()), doc = "Absent as well.")]
    fn also_absent(&self, missing: MissingType);

    #[cfg(all())]
    fn either(&self) -> u32;

    #[cfg(any())]
    fn either(&self) -> u64;

    #[deprecated(note = "use `documented`")]
    fn old(&self);

    fn camelCase(&self, someArgument: u32);

    #[expect(non_snake_case)]
    fn r#expectedCamelCase(&self);

    #[cfg(any())]
    fn connect(&self);

    #[doc(hidden)]
    #[rpc(idempotent)]
    #[rpc(deadline = "1s")]
    fn hidden(&self);
}

pub fn use_it(client: &Client) {
    let stub = AttributesClient::from(client);
    let _ = stub.documented();
    let _ = stub.either();
    #[allow(deprecated)]
    let _ = stub.old();
    let _ = stub.camelCase(1);
    let _ = stub.hidden();
}

#[rpc_interface]
#[cfg(any())]
pub trait Gone {
    fn gone(&self, missing: MissingType);
}

#[deprecated]
#[rpc_interface]
pub trait Old {
    fn old(&self);
}

fn main() {}
