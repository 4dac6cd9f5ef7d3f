// SPDX-License-Identifier: GPL-2.0

//! The handshake of one side, event by event: the transition table of docs/protocol.md.

use proptest::prelude::*;
use xlnet_protocol::{
    Action, ChannelId, DomId, Event, Failed, Handshake, Offer, PeerState, PeerView, Role, State,
    BACKOFF_MAX_MS, CLOSE_MS, LIVED_MS, PACE_MS, WAIT_MS,
};
use Action::{Allocate, BeginClose, Map, OpenDataPath, Release, SetReady, WriteOffer};

const NONCE: u64 = 0xabc;
const FIRST: u32 = 100;

fn new(own: u16, peer: u16) -> Handshake {
    Handshake::new(DomId::new(own).unwrap(), DomId::new(peer).unwrap(), FIRST)
}

fn initiator() -> Handshake {
    new(1, 2)
}

fn responder() -> Handshake {
    new(2, 1)
}

fn channel(n: u32) -> ChannelId {
    ChannelId {
        nonce: NONCE,
        generation: FIRST + n,
    }
}

fn offer(n: u32) -> Offer {
    Offer {
        channel: channel(n),
        grant: 9,
        port: None,
    }
}

fn introduced() -> Event {
    Event::Introduced { nonce: NONCE }
}

fn offered(n: u32) -> Event {
    Event::PeerOffer(Some(offer(n)))
}

fn peer(state: PeerState) -> Event {
    Event::Peer(PeerView {
        state,
        rx_empty: true,
        tx_empty: true,
    })
}

#[track_caller]
fn step(side: &mut Handshake, event: Event, now: u64, expected: &[Action]) {
    let actions: Vec<_> = side.step(event, now).iter().copied().collect();
    assert_eq!(actions, expected);
}

/// An initiator whose first channel, `channel(1)`, connected at `now`.
fn connected_initiator(now: u64) -> Handshake {
    let mut side = initiator();
    side.step(introduced(), now);
    side.step(offered(1), now);
    assert_eq!(side.state(), State::Connected { since: now });
    side
}

/// A responder that answered `channel(1)` at `now` and waits.
fn mapped_responder(now: u64) -> Handshake {
    let mut side = responder();
    side.step(introduced(), now);
    side.step(offered(1), now);
    assert_eq!(
        side.state(),
        State::Mapped {
            deadline: now + WAIT_MS
        }
    );
    side
}

#[test]
fn the_initiator_offers_and_completes() {
    let mut side = initiator();
    assert_eq!(side.role(), Role::Initiator);
    assert_eq!(side.deadline(), None);
    step(
        &mut side,
        introduced(),
        0,
        &[Allocate(channel(1)), WriteOffer(channel(1))],
    );
    assert_eq!(side.deadline(), Some(WAIT_MS));
    // Not an answer to this offer.
    step(&mut side, Event::PeerOffer(None), 1, &[]);
    step(&mut side, offered(0), 1, &[]);
    step(
        &mut side,
        offered(1),
        2,
        &[Map(offer(1)), SetReady, OpenDataPath],
    );
    assert_eq!(side.state(), State::Connected { since: 2 });
    assert_eq!(side.deadline(), None);
    // Reading the same again changes nothing.
    for event in [introduced(), offered(1), Event::Up, Event::Tick] {
        step(&mut side, event, WAIT_MS * 2, &[]);
    }
}

#[test]
fn the_responder_answers_and_waits_for_ready() {
    let mut side = responder();
    assert_eq!(side.role(), Role::Responder);
    step(&mut side, introduced(), 0, &[]);
    assert_eq!(side.deadline(), None);
    let answer = [
        Allocate(channel(1)),
        Map(offer(1)),
        SetReady,
        WriteOffer(channel(1)),
    ];
    step(&mut side, offered(1), 1, &answer);
    step(&mut side, peer(PeerState::Init), 2, &[]);
    step(&mut side, peer(PeerState::Ready), 3, &[OpenDataPath]);
    assert_eq!(side.state(), State::Connected { since: 3 });
}

#[test]
fn an_offer_may_be_seen_before_the_introduction() {
    let mut side = responder();
    step(&mut side, offered(1), 0, &[]);
    assert_eq!(side.step(introduced(), 1).len(), 4);
}

#[test]
fn an_offer_with_another_nonce_is_not_answered() {
    let mut side = responder();
    side.step(Event::Introduced { nonce: NONCE + 1 }, 0);
    step(&mut side, offered(1), 0, &[]);
    assert_eq!(side.deadline(), None);
}

#[test]
fn an_offer_is_answered_once() {
    let mut side = mapped_responder(0);
    step(&mut side, Event::Failed, 0, &[Release]);
    step(&mut side, offered(1), 60_000, &[]);
    assert_eq!(side.step(offered(2), 60_000).len(), 4);
}

#[test]
fn waiting_ends() {
    let mut side = initiator();
    side.step(introduced(), 0);
    step(&mut side, Event::Tick, WAIT_MS - 1, &[]);
    step(&mut side, Event::Tick, WAIT_MS, &[Release]);
    assert_eq!(side.state(), State::Idle);

    let mut side = mapped_responder(0);
    step(&mut side, Event::Tick, WAIT_MS - 1, &[]);
    step(&mut side, Event::Tick, WAIT_MS, &[BeginClose]);
    step(&mut side, Event::Tick, WAIT_MS + CLOSE_MS, &[Release]);
    assert_eq!(side.state(), State::Idle);
}

#[test]
fn pauses_double_up_to_a_limit_and_a_new_nonce_forgives() {
    let mut side = initiator();
    side.step(introduced(), 0);
    let mut now = 0;
    for pause in [1, 2, 4, 8, 16, 30, 30] {
        step(&mut side, Event::Failed, now, &[Release]);
        assert_eq!(side.deadline(), Some(now + pause * 1000));
        step(&mut side, Event::Tick, now + pause * 1000 - 1, &[]);
        now += pause * 1000;
        assert_eq!(side.step(Event::Tick, now).len(), 2);
    }
    assert_eq!(side.channel(), Some(channel(8)));
    side.step(Event::Failed, now);
    step(&mut side, Event::Introduced { nonce: 1 }, now, &[]);
    assert_eq!(side.deadline(), Some(now + PACE_MS));
}

#[test]
fn a_channel_that_lived_forgives() {
    let mut side = initiator();
    side.step(introduced(), 0);
    for now in [0, 1_000, 3_000] {
        side.step(Event::Failed, now);
        side.step(Event::Tick, now + 4_000);
    }
    let mut side = connected_initiator(10_000);
    side.step(Event::Stalled, 10_000 + LIVED_MS);
    step(
        &mut side,
        Event::Tick,
        10_000 + LIVED_MS + CLOSE_MS,
        &[Release],
    );
    let expected = 10_000 + LIVED_MS + CLOSE_MS + 1_000;
    assert_eq!(side.deadline(), Some(expected));
}

#[test]
fn closing_waits_for_the_peer_and_for_both_rings() {
    let view = |state, rx_empty, tx_empty| {
        Event::Peer(PeerView {
            state,
            rx_empty,
            tx_empty,
        })
    };
    let mut side = connected_initiator(0);
    step(&mut side, Event::Shutdown, 10, &[BeginClose]);
    assert_eq!(side.deadline(), Some(10 + CLOSE_MS));
    // Empty rings mean nothing while the peer may still send.
    step(&mut side, view(PeerState::Ready, true, true), 11, &[]);
    step(&mut side, view(PeerState::Closing, false, true), 12, &[]);
    step(&mut side, view(PeerState::Closing, true, false), 12, &[]);
    step(
        &mut side,
        view(PeerState::Closing, true, true),
        13,
        &[Release],
    );
    assert_eq!(side.state(), State::Idle);
    // It stays down until it is wanted again.
    step(&mut side, Event::Tick, 60_000, &[]);
    assert_eq!(side.deadline(), None);
    assert_eq!(side.step(Event::Up, 60_000).len(), 2);

    let mut side = connected_initiator(0);
    side.step(Event::Shutdown, 10);
    step(&mut side, view(PeerState::Closed, false, false), 11, &[]);
    step(
        &mut side,
        view(PeerState::Closed, true, false),
        12,
        &[Release],
    );

    let mut side = connected_initiator(0);
    side.step(Event::Shutdown, 10);
    step(&mut side, Event::Tick, 10 + CLOSE_MS - 1, &[]);
    step(&mut side, Event::Tick, 10 + CLOSE_MS, &[Release]);
}

#[test]
fn a_channel_is_renewed_at_once() {
    let mut side = connected_initiator(0);
    step(&mut side, Event::Renew, 1_000, &[BeginClose]);
    let first = side.channel();
    let actions = side.step(peer(PeerState::Closed), 1_001);
    assert_eq!(actions.iter().next(), Some(&Release));
    assert!(actions.iter().any(|action| matches!(action, WriteOffer(_))));
    assert_ne!(side.channel(), first);
    // Without a channel there is none to renew.
    let mut side = initiator();
    step(&mut side, Event::Renew, 0, &[]);
}

#[test]
fn a_closing_peer_is_followed() {
    let mut side = connected_initiator(0);
    step(
        &mut side,
        peer(PeerState::Closing),
        10,
        &[BeginClose, Release],
    );
    assert_eq!(side.deadline(), Some(1_010));

    let mut side = mapped_responder(0);
    step(
        &mut side,
        peer(PeerState::Closed),
        10,
        &[BeginClose, Release],
    );
}

#[test]
fn a_channel_ends_with_its_offer() {
    for event in [Event::PeerOffer(None), offered(2)] {
        let mut side = connected_initiator(0);
        step(&mut side, event, 1, &[BeginClose]);
        let mut side = mapped_responder(0);
        step(&mut side, event, 1, &[BeginClose]);
    }
}

#[test]
fn a_withdrawn_peer_is_forgotten() {
    let mut side = connected_initiator(0);
    step(&mut side, Event::Withdrawn, 1, &[BeginClose]);
    step(&mut side, Event::Tick, 1 + CLOSE_MS, &[Release]);
    assert_eq!(side.deadline(), None);

    let mut side = initiator();
    side.step(introduced(), 0);
    step(&mut side, Event::Withdrawn, 1, &[Release]);
    step(&mut side, Event::Withdrawn, 1, &[]);
    step(&mut side, offered(1), 2, &[]);
}

#[test]
fn a_new_instance_of_the_peer_gets_a_new_channel_at_once() {
    let mut side = connected_initiator(0);
    let event = Event::Introduced { nonce: 1 };
    step(&mut side, event, 200, &[BeginClose]);
    let next = ChannelId {
        nonce: 1,
        generation: FIRST + 2,
    };
    step(
        &mut side,
        Event::Tick,
        200 + CLOSE_MS,
        &[Release, Allocate(next), WriteOffer(next)],
    );

    // Even if the old channel was closing for a worse reason.
    let mut side = connected_initiator(0);
    side.step(Event::Stalled, 200);
    step(&mut side, event, 250, &[]);
    assert_eq!(side.step(Event::Tick, 200 + CLOSE_MS).len(), 3);
}

#[test]
fn a_peer_breaks_once() {
    let mut side = connected_initiator(0);
    step(&mut side, Event::Broken, 1, &[BeginClose, Release]);
    assert!(side.broken());
    assert_eq!(side.deadline(), None);
    for event in [introduced(), offered(2), Event::Tick, Event::Up] {
        step(&mut side, event, 1_000_000, &[]);
    }
    let event = Event::Introduced { nonce: 1 };
    assert_eq!(side.step(event, 1_000_000).len(), 2);
    assert!(!side.broken());

    let mut side = mapped_responder(0);
    step(&mut side, Event::Broken, 1, &[BeginClose, Release]);
    step(&mut side, offered(2), 1_000_000, &[]);

    // A state word that goes back to Init is a lie.
    let mut side = connected_initiator(0);
    step(&mut side, peer(PeerState::Init), 1, &[BeginClose, Release]);
    assert!(side.broken());

    let mut side = connected_initiator(0);
    side.step(Event::Shutdown, 1);
    step(&mut side, Event::Broken, 2, &[Release]);
}

#[test]
fn late_events_do_nothing() {
    let late = [
        Event::Failed,
        Event::Broken,
        Event::Stalled,
        Event::Tick,
        peer(PeerState::Ready),
        peer(PeerState::Closed),
    ];
    for event in late {
        let mut side = responder();
        side.step(introduced(), 0);
        step(&mut side, event, 1, &[]);
        assert_eq!(side.state(), State::Idle);
        assert!(!side.broken());
    }
}

#[test]
fn a_failed_action_ends_the_attempt() {
    for (failing, expected) in [
        (0, vec!["Allocate", "Release"]),
        (1, vec!["Allocate", "Map", "Release"]),
        (
            3,
            vec!["Allocate", "Map", "SetReady", "WriteOffer", "Release"],
        ),
    ] {
        let mut side = responder();
        side.step(introduced(), 0);
        let mut done = Vec::new();
        side.drive(offered(1), 0, |action| {
            let text = format!("{action:?}");
            done.push(text.split('(').next().unwrap().to_string());
            if done.len() == failing + 1 {
                return Err(Failed);
            }
            Ok(())
        });
        assert_eq!(done, expected);
        assert_eq!(side.state(), State::Idle);
    }
}

#[test]
fn generations_wrap() {
    let (own, peer) = (DomId::new(1).unwrap(), DomId::new(2).unwrap());
    let mut side = Handshake::new(own, peer, u32::MAX);
    side.step(introduced(), 0);
    assert_eq!(side.channel().unwrap().generation, 0);
}

/// Channels to one peer are paced, whatever it and dom0 say.
#[test]
fn flapping_is_paced() {
    let mut side = initiator();
    let mut started = 0;
    for now in 0..1_000 {
        let event = Event::Introduced { nonce: now };
        let actions = side.step(event, now);
        started += actions
            .iter()
            .filter(|action| matches!(action, Allocate(_)))
            .count();
    }
    assert_eq!(started as u64, 1_000 / PACE_MS);
}

fn any_event() -> impl Strategy<Value = Event> {
    let state = prop_oneof![
        Just(PeerState::Init),
        Just(PeerState::Ready),
        Just(PeerState::Closing),
        Just(PeerState::Closed),
    ];
    let view = (state, any::<bool>(), any::<bool>()).prop_map(|(state, rx_empty, tx_empty)| {
        Event::Peer(PeerView {
            state,
            rx_empty,
            tx_empty,
        })
    });
    let nonce = NONCE..NONCE + 2;
    let offer = (nonce.clone(), FIRST..FIRST + 4).prop_map(|(nonce, generation)| Offer {
        channel: ChannelId { nonce, generation },
        grant: 9,
        port: None,
    });
    prop_oneof![
        4 => nonce.prop_map(|nonce| Event::Introduced { nonce }),
        1 => Just(Event::Withdrawn),
        4 => proptest::option::of(offer).prop_map(Event::PeerOffer),
        4 => view,
        1 => Just(Event::Broken),
        1 => Just(Event::Stalled),
        1 => Just(Event::Shutdown),
        1 => Just(Event::Renew),
        2 => Just(Event::Up),
        4 => Just(Event::Tick),
    ]
}

proptest! {
    /// Whatever happens in whatever order: every half is allocated before it is used and released
    /// before the next, nothing is sent outside of a channel, no channel is used twice, and a side
    /// that waits has a deadline that ends the wait.
    #[test]
    fn any_events(own: bool, events in proptest::collection::vec((any_event(), 0u64..4_000), 0..60)) {
        let mut side = if own { initiator() } else { responder() };
        let (mut now, mut used) = (0, Vec::new());
        let (mut allocated, mut mapped, mut sending) = (None, false, false);
        for (event, wait) in events {
            now += wait;
            side.drive(event, now, |action| {
                match *action {
                    Allocate(channel) => {
                        assert_eq!(allocated, None);
                        // A peer that offers an old channel again gets it, but not at once.
                        assert_ne!(used.last(), Some(&channel));
                        assert!(!own || !used.contains(&channel));
                        allocated = Some(channel);
                        used.push(channel);
                    }
                    WriteOffer(channel) => assert_eq!(allocated, Some(channel)),
                    Map(offer) => {
                        assert!(!mapped);
                        assert_eq!(allocated, Some(offer.channel));
                        mapped = true;
                    }
                    SetReady => assert!(mapped),
                    OpenDataPath => {
                        assert!(mapped && !sending);
                        sending = true;
                    }
                    BeginClose => {
                        assert!(mapped);
                        sending = false;
                    }
                    Release => {
                        assert!(allocated.is_some());
                        (allocated, mapped) = (None, false);
                    }
                }
                // One in eight calls of what may fail does.
                match action {
                    Allocate(_) | WriteOffer(_) | Map(_) if now % 8 == 0 => Err(Failed),
                    _ => Ok(()),
                }
            });
            let idle = side.state() == State::Idle;
            assert_eq!(allocated.is_none(), idle);
            assert_eq!(sending, matches!(side.state(), State::Connected { .. }));
            if let Some(deadline) = side.deadline() {
                assert!(deadline <= now + BACKOFF_MAX_MS);
                if !idle {
                    let mut ended = side.clone();
                    ended.step(Event::Tick, deadline);
                    assert_ne!(ended.state(), side.state());
                }
            }
        }
    }
}
