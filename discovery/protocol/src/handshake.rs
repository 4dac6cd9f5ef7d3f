// SPDX-License-Identifier: GPL-2.0

//! How a guest opens and closes its channel to one peer.
//!
//! The guest with the lower domain id is the initiator: it alone starts channels, numbers them, and
//! decides when to try again. The responder answers the offer it finds, once. So whatever either
//! side forgets, the next offer of the initiator puts both on the same channel.
//!
//! Every offer names the channel it belongs to, so neither side acts on a stale one. The initiator
//! never uses a channel id again, and the responder does not answer one offer twice, however the
//! first answer went.
//!
//! # Example
//!
//! ```
//! use xlnet_protocol::{Action, DomId, Event, Failed, Handshake, State};
//!
//! let (own, peer) = (DomId::new(1).unwrap(), DomId::new(2).unwrap());
//! let mut handshake = Handshake::new(own, peer, 0x5eed);
//! let mut done = Vec::new();
//! handshake.drive(Event::Introduced { nonce: 7 }, 1_000, |action| {
//!     done.push(*action);
//!     Ok::<(), Failed>(())
//! });
//! assert!(matches!(done[..], [Action::Allocate(_), Action::WriteOffer(_)]));
//! assert_eq!(handshake.state(), State::Offered { deadline: 6_000 });
//! ```

use crate::domid::DomId;
use crate::list::List;
use crate::offer::{ChannelId, Offer};

/// How long a side waits for the other while a channel opens, in milliseconds.
pub const WAIT_MS: u64 = 5_000;
/// How long a closing side goes on receiving at most, in milliseconds.
pub const CLOSE_MS: u64 = 200;
/// The first pause after a failed channel, in milliseconds; it doubles with each further one.
pub const BACKOFF_MIN_MS: u64 = 1_000;
/// The longest pause after a failed channel, in milliseconds.
pub const BACKOFF_MAX_MS: u64 = 30_000;
/// A channel that lived so long, in milliseconds, forgives the failures before it.
pub const LIVED_MS: u64 = 10_000;
/// Channels to one peer are started at least so far apart, in milliseconds, whatever it does.
pub const PACE_MS: u64 = 100;

/// Which part a guest plays towards one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The lower domain id: starts channels and allocates the event channel.
    Initiator,
    /// The higher domain id: answers offers.
    Responder,
}

/// Where a guest is with one peer. Times are in milliseconds on the caller's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is no channel; nothing is allocated.
    Idle,
    /// Initiator: its half is allocated and offered.
    Offered {
        /// When to give up.
        deadline: u64,
    },
    /// Responder: both halves are mapped and its own is offered; receiving.
    Mapped {
        /// When to give up.
        deadline: u64,
    },
    /// Packets flow both ways.
    Connected {
        /// When they began to.
        since: u64,
    },
    /// Sends no more; receives what is still under way.
    Closing {
        /// When to stop waiting for the peer.
        deadline: u64,
        /// Whether a pause is due before the next channel.
        failed: bool,
    },
}

/// The state word of a control page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerState {
    /// Not usable yet.
    Init,
    /// Its owner has mapped the other half and receives.
    Ready,
    /// Its owner sends no more.
    Closing,
    /// Its owner neither sends nor receives any more.
    Closed,
}

/// What shared memory says at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerView {
    /// The peer's state word. It has to be read before the rings are looked at.
    pub state: PeerState,
    /// Whether everything the peer sent has been received.
    pub rx_empty: bool,
    /// Whether the peer has received everything sent to it.
    pub tx_empty: bool,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// dom0's entry for the peer was read, and has this nonce. Harmless if it is the old one.
    Introduced {
        /// Names the pair of instances.
        nonce: u64,
    },
    /// dom0's entry for the peer was looked for and is not there.
    Withdrawn,
    /// The relayed offer of the peer was read; `None` if there is none or it is malformed.
    PeerOffer(Option<Offer>),
    /// Shared memory was looked at: the event channel fired, or a timer did.
    Peer(PeerView),
    /// An action of the last step failed. [`Handshake::drive`] says so by itself.
    Failed,
    /// The peer wrote what it never may. There is no new channel until the nonce changes.
    Broken,
    /// The peer has not received anything for too long.
    Stalled,
    /// The guest wants another channel in place of this one, made with other settings.
    Renew,
    /// The guest ends all channels: unload, link down, suspend.
    Shutdown,
    /// The guest wants channels again. So it does from the beginning.
    Up,
    /// [`Handshake::deadline`] has passed.
    Tick,
}

/// What to do. The first five can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Allocate the own half of the channel and grant it to the peer: control page, ring and, for
    /// the initiator, an unbound event channel. The control page says [`PeerState::Init`].
    Allocate(ChannelId),
    /// Write the own offer for the channel.
    WriteOffer(ChannelId),
    /// Map the peer's half, check that its control page names the same channel, bind its port if
    /// there is one, and be ready to receive. The page has to say [`PeerState::Init`] to the
    /// responder and [`PeerState::Ready`] to the initiator, else the action fails: a page that says
    /// more has another counterpart already.
    Map(Offer),
    /// Write [`PeerState::Ready`] to the own control page and notify the peer. Then the initiator
    /// looks at the peer's state word again, behind a full barrier, and fails if it is
    /// [`PeerState::Ready`] no more: the peer gave up this half, and may answer with another.
    SetReady,
    /// Start sending. Fails if there is no memory for what that takes.
    OpenDataPath,
    /// Withdraw routes, stop sending, write [`PeerState::Closing`] to the own control page, notify
    /// the peer. Go on receiving.
    BeginClose,
    /// Write [`PeerState::Closed`] to the own control page, notify the peer, then give back all
    /// there is of the channel: unbind, unmap, end grants, remove the own offer. Comes without
    /// [`Action::BeginClose`] if nothing was sent yet; parts of the channel may then be missing.
    Release,
}

/// The actions of one step, to be done in order; none is done after one that failed.
// The longest list ends a channel and starts the next: Release, Allocate, Map, SetReady, WriteOffer.
pub type Actions = List<Action, 5>;

/// An action failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

/// The state machine of one peer.
#[derive(Clone, Debug)]
pub struct Handshake {
    role: Role,
    state: State,
    up: bool,
    /// The pair of instances, while dom0 vouches for the peer.
    nonce: Option<u64>,
    /// The peer broke the rules under this nonce.
    broken: bool,
    /// The peer's offer, as last relayed.
    offer: Option<Offer>,
    /// The channel last started, whatever became of it.
    channel: Option<ChannelId>,
    /// Initiator: the generation last used.
    generation: u32,
    /// The next pause.
    backoff: u64,
    /// When the next channel may start.
    not_before: u64,
}

impl Handshake {
    /// The state machine of the guest `own` for the guest `peer`.
    ///
    /// `generation` is where the initiator starts to count. It should be random: a guest whose
    /// module was reloaded then does not repeat itself under a nonce that has not changed.
    pub const fn new(own: DomId, peer: DomId, generation: u32) -> Self {
        let role = if own.raw() < peer.raw() {
            Role::Initiator
        } else {
            Role::Responder
        };
        Self {
            role,
            state: State::Idle,
            up: true,
            nonce: None,
            broken: false,
            offer: None,
            channel: None,
            generation,
            backoff: BACKOFF_MIN_MS,
            not_before: 0,
        }
    }

    /// Which part this guest plays.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Where it is.
    pub const fn state(&self) -> State {
        self.state
    }

    /// The channel that was started last, if any.
    pub const fn channel(&self) -> Option<ChannelId> {
        self.channel
    }

    /// Whether the peer broke the rules, so that it stays on the NIC until its nonce changes.
    pub const fn broken(&self) -> bool {
        self.broken
    }

    /// When an [`Event::Tick`] is due, in milliseconds. To be asked again after every step.
    pub fn deadline(&self) -> Option<u64> {
        match self.state {
            State::Offered { deadline }
            | State::Mapped { deadline }
            | State::Closing { deadline, .. } => Some(deadline),
            State::Connected { .. } => None,
            State::Idle => self.next_channel().map(|_| self.not_before),
        }
    }

    /// Takes an event and has all that follows from it performed, failures included. This is
    /// [`step`](Self::step) for callers whose actions are done when they return.
    ///
    /// # Errors
    ///
    /// `perform` returns [`Failed`] if the action could not be done; the actions after it are then
    /// skipped, and an [`Action::Release`] follows.
    pub fn drive(
        &mut self,
        event: Event,
        now_ms: u64,
        mut perform: impl FnMut(&Action) -> Result<(), Failed>,
    ) {
        let actions = self.step(event, now_ms);
        if actions.iter().try_for_each(&mut perform).is_err() {
            // Only releases, so there is no third round.
            for action in self.step(Event::Failed, now_ms).iter() {
                let _ = perform(action);
            }
        }
    }

    /// Takes an event and says what to do about it.
    ///
    /// The state is the one in which all the actions have been done. If one fails,
    /// [`Event::Failed`] has to be the next event.
    pub fn step(&mut self, event: Event, now_ms: u64) -> Actions {
        let mut todo = Todo(Actions::new());
        match event {
            Event::Introduced { nonce } => self.introduce(Some(nonce), now_ms, &mut todo),
            Event::Withdrawn => {
                self.offer = None;
                self.introduce(None, now_ms, &mut todo);
            }
            Event::PeerOffer(offer) => self.peer_offer(offer, now_ms, &mut todo),
            Event::Peer(view) => self.peer_view(view, now_ms, &mut todo),
            Event::Failed => self.failed(now_ms, &mut todo),
            Event::Broken => self.peer_broke(&mut todo),
            Event::Stalled => self.stalled(now_ms, &mut todo),
            Event::Shutdown => {
                self.up = false;
                self.close(false, now_ms, &mut todo);
            }
            Event::Renew => self.close(false, now_ms, &mut todo),
            Event::Up => self.up = true,
            Event::Tick => self.tick(now_ms, &mut todo),
        }
        self.open(now_ms, &mut todo);
        todo.0
    }

    /// dom0 vouches for the peer, for another instance of it, or no longer.
    fn introduce(&mut self, nonce: Option<u64>, now: u64, todo: &mut Todo) {
        if self.nonce == nonce {
            return;
        }
        self.nonce = nonce;
        self.broken = false;
        self.backoff = BACKOFF_MIN_MS;
        self.not_before = self.not_before.min(now.saturating_add(PACE_MS));
        self.close(false, now, todo);
    }

    fn peer_offer(&mut self, offer: Option<Offer>, now: u64, todo: &mut Todo) {
        self.offer = offer;
        let ours = offer.filter(|offer| Some(offer.channel) == self.channel);
        match (self.state, ours) {
            (State::Offered { .. }, Some(offer)) => {
                todo.push(Action::Map(offer));
                todo.push(Action::SetReady);
                todo.push(Action::OpenDataPath);
                self.state = State::Connected { since: now };
            }
            // The peer gave the channel up, or its instance did not know of it.
            (State::Mapped { .. } | State::Connected { .. }, None) => self.close(true, now, todo),
            _ => {}
        }
    }

    fn peer_view(&mut self, view: PeerView, now: u64, todo: &mut Todo) {
        match (self.state, view.state) {
            (State::Mapped { .. }, PeerState::Ready) => {
                todo.push(Action::OpenDataPath);
                self.state = State::Connected { since: now };
            }
            // It was Ready before.
            (State::Connected { .. }, PeerState::Init) => self.peer_broke(todo),
            (
                State::Mapped { .. } | State::Connected { .. },
                PeerState::Closing | PeerState::Closed,
            ) => self.close(true, now, todo),
            _ => {}
        }
        if let State::Closing { failed, .. } = self.state {
            let drained = match view.state {
                PeerState::Init | PeerState::Ready => false,
                PeerState::Closing => view.rx_empty && view.tx_empty,
                // What it has not received by now it never will.
                PeerState::Closed => view.rx_empty,
            };
            if drained {
                self.release(failed, now, todo);
            }
        }
    }

    fn failed(&mut self, now: u64, todo: &mut Todo) {
        // Actions that can fail are in lists that start or complete a channel, before anything
        // was sent on it.
        if self.state != State::Idle {
            self.release(true, now, todo);
        }
    }

    fn peer_broke(&mut self, todo: &mut Todo) {
        match self.state {
            State::Idle | State::Offered { .. } => return,
            State::Mapped { .. } | State::Connected { .. } => todo.push(Action::BeginClose),
            State::Closing { .. } => {}
        }
        // Nothing the peer says is worth waiting for.
        self.broken = true;
        todo.push(Action::Release);
        self.state = State::Idle;
    }

    fn stalled(&mut self, now: u64, todo: &mut Todo) {
        if let State::Connected { .. } = self.state {
            self.close(true, now, todo);
        }
    }

    fn tick(&mut self, now: u64, todo: &mut Todo) {
        match self.state {
            State::Offered { deadline } | State::Mapped { deadline } if now >= deadline => {
                self.close(true, now, todo);
            }
            State::Closing { deadline, failed } if now >= deadline => {
                self.release(failed, now, todo);
            }
            _ => {}
        }
    }

    /// Starts a channel, if there is none, one is wanted, and it is time.
    fn open(&mut self, now: u64, todo: &mut Todo) {
        if self.state != State::Idle || now < self.not_before {
            return;
        }
        let Some((channel, offer)) = self.next_channel() else {
            return;
        };
        self.channel = Some(channel);
        self.not_before = now.saturating_add(PACE_MS);
        let deadline = now.saturating_add(WAIT_MS);
        todo.push(Action::Allocate(channel));
        if let Some(offer) = offer {
            todo.push(Action::Map(offer));
            todo.push(Action::SetReady);
            self.state = State::Mapped { deadline };
        } else {
            self.generation = channel.generation;
            self.state = State::Offered { deadline };
        }
        todo.push(Action::WriteOffer(channel));
    }

    /// The channel to start next and, for the responder, the offer to answer.
    fn next_channel(&self) -> Option<(ChannelId, Option<Offer>)> {
        let nonce = self.nonce.filter(|_| self.up && !self.broken)?;
        match self.role {
            Role::Initiator => {
                let generation = self.generation.wrapping_add(1);
                Some((ChannelId { nonce, generation }, None))
            }
            Role::Responder => {
                let new = |offer: &Offer| {
                    offer.channel.nonce == nonce && Some(offer.channel) != self.channel
                };
                let offer = self.offer.filter(new)?;
                Some((offer.channel, Some(offer)))
            }
        }
    }

    /// Ends the channel, if there is one; `failed` says whether the peer or bad luck ended it.
    fn close(&mut self, failed: bool, now: u64, todo: &mut Todo) {
        match self.state {
            State::Idle => {}
            // The peer has sent nothing yet: the responder opens its data path after the
            // initiator.
            State::Offered { .. } => self.release(failed, now, todo),
            State::Mapped { .. } | State::Connected { .. } => {
                if let State::Connected { since } = self.state {
                    if now.saturating_sub(since) >= LIVED_MS {
                        self.backoff = BACKOFF_MIN_MS;
                    }
                }
                todo.push(Action::BeginClose);
                let deadline = now.saturating_add(CLOSE_MS);
                self.state = State::Closing { deadline, failed };
            }
            State::Closing {
                deadline,
                failed: before,
            } => {
                let failed = before && failed;
                self.state = State::Closing { deadline, failed };
            }
        }
    }

    fn release(&mut self, failed: bool, now: u64, todo: &mut Todo) {
        todo.push(Action::Release);
        self.state = State::Idle;
        if failed {
            self.not_before = now.saturating_add(self.backoff);
            // Only the initiator decides when to try again; the responder just has to be ready
            // by then.
            if self.role == Role::Initiator {
                self.backoff = (self.backoff * 2).min(BACKOFF_MAX_MS);
            }
        }
    }
}

/// The actions of the step under way.
struct Todo(Actions);

impl Todo {
    fn push(&mut self, action: Action) {
        let pushed = self.0.push(action);
        debug_assert!(pushed.is_ok(), "no step has more actions");
    }
}
