//! The rare situations that a set of runs must have seen, or its silence says little.

use core::fmt;

macro_rules! goals {
    ($($(#[$doc:meta])* $variant:ident = $label:literal,)*) => {
        /// A situation that some run has to reach.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Goal { $($(#[$doc])* $variant,)* }

        impl Goal {
            /// Every goal, in order.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// What it is, in a few words.
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }
        }
    };
}

goals! {
    /// A stored reply was sent again.
    ReplyResent = "reply sent again",
    /// A copy of a request came while its call was queued or running.
    DuplicateInProgress = "duplicate while in progress",
    /// A copy of a request came after its reply was acknowledged, or its lane was used again.
    DuplicateAfterAcknowledgement = "duplicate after acknowledgement",
    /// A FENCE came before the request that it stops.
    FenceBeforeRequest = "fence before request",
    /// A FENCE came when the call had ended.
    FenceAfterEnd = "fence after the end",
    /// A request came whose fence had come before.
    TombstoneHit = "request after its fence",
    /// A handler ended whose session was over.
    LateResultOfDeadSession = "late result of a dead session",
    /// A handler ended whose lane had another call.
    LateResultOfLeftLane = "late result of a left lane",
    /// A session expired.
    SessionExpired = "session expired",
    /// A request came for a session that had expired or was closed.
    RequestAfterSession = "request after its session",
    /// A request came for a session of a server that had crashed since.
    RestartWithRequest = "restart with a request in flight",
    /// A reply arrived whose server had crashed since.
    RestartWithReply = "restart with a reply in flight",
    /// A WORKING arrived whose server had crashed since.
    RestartWithWorking = "restart with a WORKING in flight",
    /// A client opened at the address of an earlier one.
    ClientAtUsedAddress = "client at a used address",
    /// A call waited because every lane was taken.
    WindowFull = "window full",
    /// A call was refused because there was no room for its arguments.
    ArgumentsRefused = "no room for arguments",
    /// A call was refused because its reply could not be booked.
    BookingRefused = "no room for a reply",
    /// Arguments were given up that did not become whole.
    ArgumentsTimedOut = "arguments not whole in time",
    /// A part covered some bytes that were there and some that were not.
    OverlappingPart = "overlapping part",
    /// The part with the last byte of a message was sent four times.
    LastPartRepeated = "last part lost three times",
    /// Two copies of a request were as far apart as they ever are.
    TimeoutAtMaximum = "time-out at its maximum",
    /// A retransmission was put off because the budget was empty.
    BudgetEmpty = "retry budget empty",
    /// A server asked for a cookie.
    CookieRequired = "cookie required",
    /// A genuine cookie came back too late.
    CookieExpired = "cookie expired",
    /// The address of a session changed while a call of it was open.
    Rebound = "address changed during a call",
    /// A datagram was dropped for its checksum.
    ChecksumRejected = "checksum rejected",
    /// Another content came under a number that was taken.
    FalseRetry = "false retry",
    /// A clock jumped.
    ClockJumped = "clock jumped",
    /// The socket of a paused host had no room.
    SocketFull = "socket full",
    /// The queue of a path had no room.
    PathFull = "path full",
    /// Two versions met.
    VersionMismatch = "version mismatch",
    /// A handler panicked.
    HandlerPanicked = "handler panicked",
    /// A client that was told *busy* got a reply later.
    BusyThenReply = "busy, then a reply",
    /// A probe was answered with GONE.
    ProbeAnsweredGone = "probe answered GONE",
    /// A handshake was refused because the table of sessions was full.
    ServerFull = "server full",
    /// A session was resumed.
    SessionResumed = "session resumed",
    /// A one-way call ran.
    OnewayRan = "one-way call ran",
}

/// A set of goals that were reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks(u64);

impl Marks {
    pub(super) fn reach(&mut self, goal: Goal) {
        self.0 |= 1 << goal as u64;
    }

    pub(super) fn reach_if(&mut self, goal: Goal, is_reached: bool) {
        self.0 |= u64::from(is_reached) << goal as u64;
    }

    /// Whether this goal was reached.
    pub fn has(self, goal: Goal) -> bool {
        self.0 >> goal as u64 & 1 == 1
    }

    /// Adds what another run has reached.
    pub fn unite(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// The goals that were reached.
    pub fn reached(self) -> impl Iterator<Item = Goal> {
        Goal::ALL.iter().copied().filter(move |&goal| self.has(goal))
    }

    /// The goals that were never reached.
    pub fn missing(self) -> impl Iterator<Item = Goal> {
        Goal::ALL.iter().copied().filter(move |&goal| !self.has(goal))
    }
}

impl fmt::Display for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missing: Vec<_> = self.missing().map(Goal::label).collect();
        write!(f, "{} of {} goals reached", self.reached().count(), Goal::ALL.len())?;
        if !missing.is_empty() {
            write!(f, "; never: {}", missing.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_reached_is_missing() {
        assert!(Goal::ALL.len() <= 64, "they are bits of a number");
        let (mut one, mut other) = (Marks::default(), Marks::default());
        one.reach(Goal::ReplyResent);
        other.reach_if(Goal::OnewayRan, true);
        other.reach_if(Goal::WindowFull, false);
        one.unite(other);
        assert_eq!(one.reached().collect::<Vec<_>>(), [Goal::ReplyResent, Goal::OnewayRan]);
        assert_eq!(one.missing().count(), Goal::ALL.len() - 2);
        assert!(one.to_string().contains("never: duplicate while in progress"), "{one}");
    }
}
