//! A crate that depends on the wrapper and not on farcall, and whose interface has the name of the
//! wrapper's.

use farcall_test_wrapper::remote::calls;

/// Another administration.
#[calls::rpc_interface(name = "user.admin", crate = calls)]
pub trait Admin {
    /// Says so.
    fn status(&self, name: String) -> u8;
}

/// The same name on the wire as the one above.
pub mod double {
    /// A third one.
    #[super::calls::rpc_interface(name = "user.admin", crate = farcall_test_wrapper::remote::calls)]
    pub trait Admin {
        /// Has nothing to say.
        fn nothing(&self);
    }
}

farcall_test_wrapper::echo_interface!(Echo, Vec<(u8, String)>);

/// Implements them all.
#[derive(Debug)]
pub struct Local;

impl Admin for Local {
    fn status(&self, name: String) -> u8 {
        u8::try_from(name.len()).unwrap_or(u8::MAX)
    }
}

impl double::Admin for Local {
    fn nothing(&self) {}
}

impl Echo for Local {
    fn echo(&self, value: Vec<(u8, String)>) -> Vec<(u8, String)> {
        value
    }
}
