//! The stubs are as visible as the trait.

#![deny(warnings, unreachable_pub)]

mod outer {
    pub(crate) mod inner {
        use farcall::rpc_interface;

        #[rpc_interface]
        pub(in crate::outer) trait Restricted {
            fn method(&self, argument: Private) -> u32;
        }

        #[derive(farcall::Marshal)]
        pub(in crate::outer) struct Private {
            pub(in crate::outer) field: u8,
        }

        #[rpc_interface]
        pub(crate) trait WholeCrate {
            fn method(&self) -> u32;
        }
    }

    pub(crate) fn use_it(client: &farcall::Client) {
        let _ = inner::RestrictedClient::from(client).method(inner::Private { field: 1 });
    }
}

// Unused in part: what is not used is no reason for a warning.
#[farcall::rpc_interface]
trait Private {
    fn method(&self) -> u32;
}

mod child {
    pub(super) fn use_it(client: &farcall::Client) {
        let _ = super::PrivateClient::from(client).method();
    }
}

fn main() {
    let _: fn(&farcall::Client) = outer::use_it;
    let _: fn(&farcall::Client) = child::use_it;
    let _: Option<outer::inner::WholeCrateClient> = None;
}
