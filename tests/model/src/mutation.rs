//! What the model can be made to do wrong, in order to see that the properties notice it.

/// One fault in the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutation {
    /// A verdict is sent and the lane does not know of it.
    RefusalNotStored,
    /// A FENCE that comes before its request is answered and leaves nothing behind.
    FenceLeavesNoTombstone,
    /// A FENCE is answered as if it had stopped the call, which stays in the queue.
    FencedCallStaysInQueue,
    /// A FENCE is answered FENCED although the handler was entered.
    FenceIgnoresRunning,
    /// A FENCE is answered RUNNING as soon as the call is taken.
    TakenCountsAsEntered,
    /// A restarted server still knows its sessions, and not what ran in them.
    SessionSurvivesRestart,
    /// Session ids begin again with each incarnation.
    IncarnationNotCompared,
    /// A cancelled call gives its lane and its number back at once.
    NumberReusedAfterCancel,
    /// The lane forgets a call when its reply has been sent.
    ReplyFreedBeforeAcknowledged,
    /// An ACKNOWLEDGE of an older number frees the lane's reply.
    OldAcknowledgementFrees,
    /// A session expires although calls of it are queued or running.
    ActiveSessionExpires,
    /// Load and deadline are looked at before the lane is.
    JudgedBeforeLookedUp,
    /// A result goes to whatever call its lane has by now.
    LeftResultIsRecorded,
    /// Calls that wait are run although their session is gone.
    QueueOutlivesSession,
    /// One-way calls are not marked as seen.
    OnewayNotMarked,
    /// Every handshake has the same nonce.
    NonceRepeated,
    /// A WELCOME is taken whatever its nonce.
    NonceNotCompared,
    /// An answer is for whatever call its lane has.
    NumberOfAnswerNotCompared,
    /// A call that was sent is made again in the next session.
    SentCallMadeAgain,
    /// A call that was sent ends `NotExecuted` when the session is lost.
    RestartSaysNotExecuted,
    /// A call that was sent ends `NotExecuted` at its deadline.
    DeadlineSaysNotExecuted,
    /// An old copy of a reply hides that a newer one of its lane has to be acknowledged.
    OldReplyNoted,
}

impl Mutation {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::RefusalNotStored,
        Self::FenceLeavesNoTombstone,
        Self::FencedCallStaysInQueue,
        Self::FenceIgnoresRunning,
        Self::TakenCountsAsEntered,
        Self::SessionSurvivesRestart,
        Self::IncarnationNotCompared,
        Self::NumberReusedAfterCancel,
        Self::ReplyFreedBeforeAcknowledged,
        Self::OldAcknowledgementFrees,
        Self::ActiveSessionExpires,
        Self::JudgedBeforeLookedUp,
        Self::LeftResultIsRecorded,
        Self::QueueOutlivesSession,
        Self::OnewayNotMarked,
        Self::NonceRepeated,
        Self::NonceNotCompared,
        Self::NumberOfAnswerNotCompared,
        Self::SentCallMadeAgain,
        Self::RestartSaysNotExecuted,
        Self::DeadlineSaysNotExecuted,
        Self::OldReplyNoted,
    ];
}
