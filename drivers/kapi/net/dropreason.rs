// SPDX-License-Identifier: GPL-2.0

//! Why packets are lost, as `perf trace -e skb:kfree_skb`, dropwatch and bpftrace show it.
//!
//! These are reasons of the kernel's core. Subsystems may register lists of their own, but which
//! subsystems there are is an enumeration (`enum skb_drop_reason_subsys`), and a module outside the
//! kernel's tree would have to take the number of one of those. What the core has no word for,
//! xlnet's own counters tell apart.
//!
//! C header: [`include/net/dropreason-core.h`](srctree/include/net/dropreason-core.h)

use crate::bindings;

macro_rules! reasons {
    ($($(#[doc = $doc:expr])+ $name:ident = $raw:ident,)+) => {
        /// Why a packet is lost.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum DropReason {
            $($(#[doc = $doc])+ $name,)+
        }

        impl DropReason {
            pub(crate) const fn as_raw(self) -> bindings::skb_drop_reason {
                match self {
                    $(Self::$name => bindings::$raw,)+
                }
            }
        }
    };
}

reasons! {
    /// None that anybody has named.
    NotSpecified = skb_drop_reason_SKB_DROP_REASON_NOT_SPECIFIED,
    /// It is shorter than it says.
    TooSmall = skb_drop_reason_SKB_DROP_REASON_PKT_TOO_SMALL,
    /// What its sender says beside it, of offloads, does not fit it.
    Metadata = skb_drop_reason_SKB_DROP_REASON_DEV_HDR,
    /// Its IP header is none.
    IpHeader = skb_drop_reason_SKB_DROP_REASON_IP_INHDR,
    /// Whoever sent it may not send from its source.
    IpSource = skb_drop_reason_SKB_DROP_REASON_IP_INVALID_SOURCE,
    /// It is for nobody here.
    IpDestination = skb_drop_reason_SKB_DROP_REASON_IP_INVALID_DEST,
    /// The device that was to receive it is not there, or not up.
    DeviceNotReady = skb_drop_reason_SKB_DROP_REASON_DEV_READY,
    /// It is of a protocol that is not sent this way.
    Protocol = skb_drop_reason_SKB_DROP_REASON_UNHANDLED_PROTO,
    /// It would go round in a circle.
    Recursion = skb_drop_reason_SKB_DROP_REASON_RECURSION_LIMIT,
    /// An IPsec policy is in the way.
    XfrmPolicy = skb_drop_reason_SKB_DROP_REASON_XFRM_POLICY,
    /// There is no route for it.
    NoRoute = skb_drop_reason_SKB_DROP_REASON_IP_OUTNOROUTES,
}
