//! The limits that are counted when they bite, by the names that operators know them by.

/// A limit: that of a flag by the flag's name, else that of a field of [`crate::config::Limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// WebSockets in all.
    MaxConnections,
    /// WebSockets of one address.
    MaxConnectionsPerAddress,
    /// WebSockets that have not said hello.
    MaxPending,
    /// How fast an address connects.
    ConnectsPerSecond,
    /// Frames of a session.
    FramesPerSecond,
    /// Bytes of a session's frames.
    BytesPerSecond,
    /// The size of a frame.
    MaxFrame,
    /// How long a socket takes to say hello.
    HelloTimeout,
    /// How long a socket takes nothing.
    WriteTimeout,
    /// Shops with sessions.
    MaxShops,
    /// Bytes of one tail.
    TailBytes,
    /// Bytes of all tails.
    TailsBytes,
    /// Events published with one key.
    PublishRate,
    /// Requests that publish at a time.
    Publishing,
    /// Commands of a session that wait.
    SessionCommands,
    /// Commands that are remembered.
    Commands,
    /// Calls of the app at a time.
    WebhookConcurrency,
}

impl Limit {
    /// All of them.
    pub(crate) const ALL: [Self; 17] = [
        Self::MaxConnections,
        Self::MaxConnectionsPerAddress,
        Self::MaxPending,
        Self::ConnectsPerSecond,
        Self::FramesPerSecond,
        Self::BytesPerSecond,
        Self::MaxFrame,
        Self::HelloTimeout,
        Self::WriteTimeout,
        Self::MaxShops,
        Self::TailBytes,
        Self::TailsBytes,
        Self::PublishRate,
        Self::Publishing,
        Self::SessionCommands,
        Self::Commands,
        Self::WebhookConcurrency,
    ];

    /// Its name among the labels of the metric, which is that of its flag.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::MaxConnections => "max-connections",
            Self::MaxConnectionsPerAddress => "max-connections-per-address",
            Self::MaxPending => "max-pending",
            Self::ConnectsPerSecond => "connects-per-second",
            Self::FramesPerSecond => "frames-per-second",
            Self::BytesPerSecond => "bytes-per-second",
            Self::MaxFrame => "max-frame",
            Self::HelloTimeout => "hello-timeout",
            Self::WriteTimeout => "write-timeout",
            Self::MaxShops => "max-shops",
            Self::TailBytes => "tail-bytes",
            Self::TailsBytes => "tails-bytes",
            Self::PublishRate => "publish-rate",
            Self::Publishing => "publishing",
            Self::SessionCommands => "session-commands",
            Self::Commands => "commands",
            Self::WebhookConcurrency => "webhook-concurrency",
        }
    }
}
