//! The contexts of calls, which are used again.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::context::Context;
use crate::time::{Clock, Timestamp};

/// Makes contexts. One that nobody has kept beyond its call is used for another, so that a handler which
/// does not need its context costs no memory of its own.
pub(super) struct Contexts {
    clock: Arc<dyn Clock>,
    spare: Vec<Context>,
}

/// How many contexts wait for their next call. Only a call that runs has one.
const MOST_SPARE: usize = 16;

impl Contexts {
    /// The contexts read the time from `clock`.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, spare: Vec::new() }
    }

    /// The context of a call that is run next.
    pub(super) fn begin(&mut self, peer: SocketAddr, deadline: Timestamp) -> Context {
        let peer = Some(peer);
        if let Some(mut spare) = self.spare.pop()
            && spare.renew(peer, deadline)
        {
            return spare;
        }
        Context::new(peer, deadline, Arc::clone(&self.clock))
    }

    /// The call has ended.
    pub(super) fn end(&mut self, context: Context) {
        if self.spare.len() < MOST_SPARE && !context.is_shared() {
            self.spare.push(context);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Stopped;

    impl Clock for Stopped {
        fn now(&self) -> Timestamp {
            Timestamp::ZERO
        }
    }

    #[test]
    fn only_a_context_that_nobody_keeps_is_used_again() {
        let mut contexts = Contexts::new(Arc::new(Stopped));
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let first = contexts.begin(peer, Timestamp::NEVER);
        first.enter();
        first.cancel();
        first.report(1, 2);
        assert!(first.end_handler());
        let kept = first.clone();
        contexts.end(first);
        assert_eq!(contexts.spare.len(), 0);
        contexts.end(kept);
        assert_eq!(contexts.spare.len(), 1);

        let other = SocketAddr::from(([127, 0, 0, 1], 2));
        let deadline = Timestamp::from_nanos(7);
        let next = contexts.begin(other, deadline);
        assert_eq!(contexts.spare.len(), 0);
        assert_eq!(
            (next.peer(), next.remaining()),
            (Some(other), Some(deadline.since(Timestamp::ZERO)))
        );
        assert!(!next.is_entered() && !next.is_cancelled() && next.lose_reply());
        assert_eq!(next.progress(), None);

        for _ in 0..2 * MOST_SPARE {
            let context = Context::new(None, Timestamp::NEVER, Arc::new(Stopped));
            contexts.end(context);
        }
        assert_eq!(contexts.spare.len(), MOST_SPARE);
    }
}
