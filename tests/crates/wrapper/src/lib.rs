//! A crate of some application that gives farcall to its other crates, with an interface of its own.

/// Where the application's crates find everything for remote calls.
pub mod remote {
    pub use farcall as calls;
}

/// A type that is sent, derived through the re-export.
#[derive(remote::calls::Marshal, Clone, Debug, PartialEq)]
#[marshal(crate = crate::remote::calls)]
pub struct Status<'a, T> {
    /// Who says so.
    pub name: &'a str,
    /// What is said.
    pub values: Vec<T>,
}

/// Administration of this crate. Another crate has an interface of the same name.
#[remote::calls::rpc_interface(name = "wrapper.admin", crate = crate::remote::calls)]
pub trait Admin {
    /// What is known of `name`.
    fn status(&self, name: &str) -> (String, Vec<u32>);

    /// The same, when there is time for it.
    async fn eventually(&self, status: Status<'_, u32>) -> usize;

    /// The same, when somebody has asked for it.
    fn later(&self, number: u32, #[reply] to: remote::calls::Reply<Result<u32, String>>);
}

/// Makes an interface through the path of this crate, as a macro for other crates does.
#[macro_export]
macro_rules! echo_interface {
    ($name:ident, $ty:ty) => {
        /// Gives back what it is given.
        #[$crate::remote::calls::rpc_interface(crate = $crate::remote::calls)]
        pub trait $name {
            /// Gives it back.
            fn echo(&self, value: $ty) -> $ty;
        }
    };
}

/// An implementation.
#[derive(Debug)]
pub struct Local;

impl Admin for Local {
    fn status(&self, name: &str) -> (String, Vec<u32>) {
        (name.to_owned(), vec![1, 2])
    }

    async fn eventually(&self, status: Status<'_, u32>) -> usize {
        status.name.len() + status.values.len()
    }

    fn later(&self, number: u32, to: remote::calls::Reply<Result<u32, String>>) {
        to.send(number.checked_sub(1).ok_or_else(|| "there is nothing below".to_owned()));
    }
}
