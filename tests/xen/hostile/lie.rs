// SPDX-License-Identifier: GPL-2.0

//! The lies by name.

macro_rules! lies {
    ($($(#[doc = $doc:expr])+ $name:literal $lie:ident,)+) => {
        /// What this guest lies about.
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Lie {
            $($(#[doc = $doc])+ $lie,)+
        }

        impl Lie {
            /// Finds a lie by its name.
            pub(crate) fn parse(name: &str) -> Option<Self> {
                Some(match name {
                    $($name => Self::$lie,)+
                    _ => return None,
                })
            }
        }
    };
}

lies! {
    // In the channel: indices.
    /// The producer index is a granule more than the ring ahead.
    "producer-ahead" ProducerAhead,
    /// The producer index goes back after a record was received.
    "producer-back" ProducerBack,
    /// The producer index is no multiple of 16.
    "producer-unaligned" ProducerUnaligned,
    /// More was consumed than published.
    "consumer-ahead" ConsumerAhead,
    /// The consumer index goes back after the victim has seen it move.
    "consumer-back" ConsumerBack,
    /// The consumer index is no multiple of 16.
    "consumer-unaligned" ConsumerUnaligned,
    /// Indices, state and records are any values, which change without pause.
    "racing" Racing,

    // Records.
    /// A record of no bytes.
    "record-empty" RecordEmpty,
    /// A record of 2^32 - 1 bytes.
    "record-huge" RecordHuge,
    /// A record longer than the ring, but not than any record.
    "record-over-ring" RecordOverRing,
    /// A record that reaches past the producer index.
    "record-truncated" RecordTruncated,

    // State.
    /// The state word is 77.
    "state-unknown" StateUnknown,
    /// The state goes back from Ready to Init.
    "state-back" StateBack,
    /// The state is 77 for a moment at a time, and Ready otherwise; each change is an event.
    "state-flapping" StateFlapping,
    /// Closing is said, and nothing after it.
    "closing-for-ever" ClosingForEver,

    /// More addresses are said to be accepted than there may be.
    "acceptance-beyond" AcceptanceBeyond,

    // Packets.
    /// Thousands of packets with whatever offload description.
    "offload" Offload,
    /// Random bytes that say they are packets, of whatever protocol.
    "garbage" Garbage,
    /// Packets from addresses that are not this guest's, or would be in another family.
    "spoofed-source" SpoofedSource,
    /// Packets to addresses that are not the receiver's.
    "foreign-destination" ForeignDestination,
    /// Packets whose header is another family's than they say.
    "family" Family,
    /// IPv6 packets with chains of extension headers of whatever kind and length.
    "extensions" Extensions,
    /// IPv6 packets that say they are jumbograms, or longer or shorter than they are.
    "jumbo" Jumbo,

    // Control page, grants and event channel, in the handshake.
    /// The control page begins with something else.
    "header-magic" HeaderMagic,
    /// The ring's size is no power of two.
    "header-size" HeaderSize,
    /// The ring has more pages than there is room for their references.
    "header-large" HeaderLarge,
    /// The control page is another channel's.
    "header-cookie" HeaderCookie,
    /// The control page's reference is beyond any grant table.
    "control-grant-beyond" ControlGrantBeyond,
    /// The control page's grant was ended before it was offered.
    "control-grant-ended" ControlGrantEnded,
    /// The last of the ring's references names no grant.
    "ring-grant-bad" RingGrantBad,
    /// All of the ring's references name one page.
    "ring-grants-equal" RingGrantsEqual,
    /// The control page lists more queue pairs than there may be.
    "pairs-beyond" PairsBeyond,
    /// The control page lists its own queue pair as another one.
    "pairs-equal" PairsEqual,
    /// The control page lists a queue pair that was not asked for (as a responder; an initiator may).
    "pairs-unasked" PairsUnasked,
    /// The event channel offered does not exist (as an initiator; a responder offers none).
    "port-bad" PortBad,
    /// The offer is no offer.
    "offer-garbage" OfferGarbage,
    /// The handshake is never answered.
    "silent" Silent,

    // Later.
    /// The pages' grants are ended, and the pages freed, while the other side maps them.
    "vanishing" Vanishing,
    /// Nothing is ever consumed.
    "never-consuming" NeverConsuming,
    /// All is consumed, of which nothing is told to who waits for it.
    "consuming-silently" ConsumingSilently,
    /// The event channel is closed under an open channel, and nothing consumed.
    "port-closed" PortClosed,
    /// Events without end, which tell of nothing.
    "storm" Storm,
    /// The offer is written anew, with another generation, without pause.
    "offers" Offers,
    /// The advert is written anew, with another instance, without pause.
    "instances" Instances,
    /// The other side's pages are mapped, and kept for ever; a new instance makes it allocate more.
    "pinning" Pinning,

    // No lies, but what the storm and the instances are compared with.
    /// The CPU is kept busy.
    "busy" Busy,
    /// XenStore is kept busy with nodes that mean nothing.
    "busy-xenstore" BusyXenStore,
}

impl Lie {
    /// Whether it is about IPv6 alone.
    pub(crate) fn is_of_ipv6(self) -> bool {
        matches!(self, Self::Extensions | Self::Jumbo)
    }

    /// Whether the lie is told at a pace, and not without pause.
    pub(crate) fn rests(self) -> bool {
        !matches!(
            self,
            Self::Racing
                | Self::StateFlapping
                | Self::Storm
                | Self::Offers
                | Self::Instances
                | Self::Busy
                | Self::BusyXenStore
        )
    }
}
