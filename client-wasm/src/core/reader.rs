//! The tab as a reader of its view: the cursor, what is held until the app's state is there, and what is missing.

use tabwire_protocol::{
    Cursor, CursorRule, Epoch, Module, Position, RawJson, RefreshReason, Verdict, View,
};

use super::{
    frame::{Frame, Kind, Moving, Raw, Refresh},
    io::{Context, FetchReason, Log, Output},
    message::{Envelope, RelayPosition, SharedState},
    ring::Ring,
    tab::Sizes,
    time::Timer,
};

/// The most events held while the app fetches its state. One more, and all are dropped and asked for again afterwards.
pub const HELD_EVENTS_MAX: usize = 5_000;
/// The most events of a replay collected before they are delivered.
pub const BATCH_EVENTS_MAX: usize = 500;
/// How long the events of a replay are collected at most, in milliseconds.
const BATCH_MS_MAX: u64 = 100;
/// After so many failed fetches in a row the status says so.
const FETCH_FAILURES_SHOWN: u32 = 5;
/// How long a repair may take before it is asked for again, in milliseconds.
pub(crate) const REPAIR_MS: u64 = 2_000;
/// How long the leader has to give its state before the app fetches it, in milliseconds.
const SHARED_STATE_MS: u64 = 2_000;
/// The largest wait between two fetches, in milliseconds.
const FETCH_BACKOFF_MS_MAX: u64 = 30_000;

/// What a tab knows of its view, and what it still waits for.
#[derive(Clone, Debug)]
pub(crate) struct Reader<R> {
    place: Option<Place<R>>,
    /// What a session of this view is entitled to. Never asked about another view: what is known of one may be old when the
    /// first frame of the next comes.
    modules: Option<(View, Vec<Module>)>,
    fetches_state: bool,
    /// Other tabs may have the state that this one needs, and the other way round.
    shares_state: bool,
    fetch_number: u32,
    fetch_failures: u32,
}

/// Where in which log.
#[derive(Clone, Debug)]
struct Place<R> {
    epoch: Epoch,
    view: View,
    rule: CursorRule,
    ring: Ring<R>,
    /// Events applied and not delivered yet, since more of the same replay follow.
    batch: Vec<R>,
    /// The position that must be reached, since frames up to there are known to exist and something before them is missing.
    missing_up_to: Option<Position>,
    fetch: Option<Fetch<R>>,
    /// The state that was applied last and where it is, for other tabs.
    kept: Option<(Position, RawJson)>,
}

/// A fetch of the app's state, due or under way.
#[derive(Clone, Debug)]
struct Fetch<R> {
    reason: FetchReason,
    /// Events after this position are held, unless they were dropped for being too many.
    from: Position,
    /// The number and the `head` of the request under way.
    asked: Option<(u32, Position)>,
    /// The leader was asked for its state.
    leader_asked: bool,
    held: Vec<(Position, R)>,
    overflowed: bool,
}

impl<R: Raw> Reader<R> {
    pub(crate) fn new(cursor: Option<Cursor>, fetches_state: bool, shares_state: bool) -> Self {
        let place = cursor.map(|cursor| Place {
            rule: CursorRule::at(cursor.last),
            ring: Ring::at(cursor.last),
            epoch: cursor.epoch,
            view: cursor.view,
            batch: Vec::new(),
            missing_up_to: None,
            fetch: None,
            kept: None,
        });
        Self {
            place,
            modules: None,
            fetches_state,
            shares_state,
            fetch_number: 0,
            fetch_failures: 0,
        }
    }

    /// Up to where this tab has received its view: what a connection resumes from.
    pub(crate) fn cursor(&self) -> Option<Cursor> {
        self.place.as_ref().map(Place::cursor)
    }

    pub(crate) fn is_refreshing(&self) -> bool {
        self.place
            .as_ref()
            .is_some_and(|place| place.fetch.is_some())
    }

    pub(crate) fn sizes(&self) -> Sizes {
        let Some(place) = &self.place else {
            return Sizes::default();
        };
        let (ring, ring_bytes) = place.ring.size();
        Sizes {
            ring,
            ring_bytes,
            held: place.fetch.as_ref().map_or(0, |fetch| fetch.held.len()),
            batch: place.batch.len(),
            ..Sizes::default()
        }
    }

    /// Whether fetching the state has failed so often that a person should know.
    pub(crate) fn state_fails(&self) -> bool {
        self.is_refreshing() && self.fetch_failures >= FETCH_FAILURES_SHOWN
    }

    pub(crate) fn entitled_to(&mut self, view: &View, modules: &[Module]) {
        self.modules = Some((view.clone(), modules.to_vec()));
    }

    /// Forgets everything: the next session starts afresh.
    pub(crate) fn forget(&mut self, cx: &mut Context<R>) {
        *self = Self {
            fetch_number: self.fetch_number,
            ..Self::new(None, self.fetches_state, self.shares_state)
        };
        for timer in [Timer::Fetch, Timer::Repair, Timer::Batch] {
            cx.timers.stop(timer);
        }
    }

    /// The frames after a position from the ring, if this tab has them all and they are of that log and view.
    pub(crate) fn ring_after(&self, cursor: &Cursor) -> Option<Vec<(Frame, R)>> {
        let place = self
            .place
            .as_ref()
            .filter(|place| place.epoch == cursor.epoch && place.view == cursor.view)?;
        place.ring.after(cursor.last)
    }

    /// What is missing, as the position to ask a repair from.
    pub(crate) fn missing_after(&self) -> Option<Cursor> {
        self.place
            .as_ref()
            .filter(|place| place.missing_up_to.is_some())
            .map(Place::cursor)
    }

    /// The leader's relay is at a position: a tab without a cursor starts there, a tab behind it has missed something.
    pub(crate) fn relay_at(&mut self, cx: &mut Context<R>, relay: &RelayPosition) {
        let Some(place) = &mut self.place else {
            return self.begin(
                cx,
                FetchReason::Initial,
                &relay.epoch,
                &relay.view,
                relay.at,
                0,
            );
        };
        if let Some(reason) = place.other_than(&relay.epoch, &relay.view) {
            self.begin(
                cx,
                FetchReason::Refresh(reason),
                &relay.epoch,
                &relay.view,
                relay.at,
                0,
            );
        } else if relay.at > place.rule.last() {
            place.lacks(cx, relay.at);
        }
    }

    /// Frames from the leader's socket or ring.
    pub(crate) fn receive(&mut self, cx: &mut Context<R>, envelope: Envelope<R>) {
        for (frame, raw) in envelope.frames {
            match frame {
                Frame::Moving(moving) => {
                    self.moving(cx, &envelope.epoch, &envelope.view, moving, raw);
                    let batch = self.place.as_ref().map_or(0, |place| place.batch.len());
                    if batch >= BATCH_EVENTS_MAX {
                        self.deliver_batch(cx);
                    }
                }
                Frame::FullRefresh(refresh) => self.full_refresh(cx, &refresh),
                _ => {}
            }
        }
        if !envelope.more {
            self.deliver_batch(cx);
        }
    }

    fn full_refresh(&mut self, cx: &mut Context<R>, refresh: &Refresh) {
        if let Some(place) = &self.place
            && place.other_than(&refresh.epoch, &refresh.view).is_none()
        {
            // Somebody behind this tab lost its place; this tab has everything up to where the log goes on. A cursor ahead
            // of the log is the one case in which having more is what is wrong.
            let lacks_nothing =
                place.rule.last() >= refresh.at && refresh.reason != RefreshReason::UnknownPosition;
            let under_way = place
                .fetch
                .as_ref()
                .is_some_and(|fetch| fetch.from == refresh.at);
            if lacks_nothing || under_way {
                return;
            }
        }
        let reason = FetchReason::Refresh(refresh.reason);
        self.begin(
            cx,
            reason,
            &refresh.epoch,
            &refresh.view,
            refresh.at,
            refresh.spread_ms,
        );
    }

    fn moving(&mut self, cx: &mut Context<R>, epoch: &Epoch, view: &View, moving: Moving, raw: R) {
        match &self.place {
            None => self.begin(cx, FetchReason::Initial, epoch, view, moving.prev, 0),
            Some(place) => {
                if let Some(reason) = place.other_than(epoch, view) {
                    self.begin(
                        cx,
                        FetchReason::Refresh(reason),
                        epoch,
                        view,
                        moving.prev,
                        0,
                    );
                }
            }
        }
        let Some(place) = &mut self.place else { return };
        match place.rule.observe(moving.prev, moving.position) {
            Verdict::Duplicate => cx.counters.duplicates += 1,
            Verdict::Gap => {
                cx.counters.gaps += 1;
                place.lacks(cx, moving.position);
            }
            Verdict::Apply => {
                if place
                    .missing_up_to
                    .is_some_and(|missing| missing <= moving.position)
                {
                    place.missing_up_to = None;
                    self.fetch_failures = 0;
                    cx.timers.stop(Timer::Repair);
                }
                place.ring.push(moving.clone(), raw.clone());
                match moving.kind {
                    Kind::Event(module) => match &self.modules {
                        Some((of, modules)) if of == view && !modules.contains(&module) => {
                            cx.counters.foreign += 1
                        }
                        _ => place.take(cx, moving.position, raw),
                    },
                    Kind::Synced(_) | Kind::Ping(_) => {}
                }
                if place.fetch.is_none() && place.batch.is_empty() {
                    cx.emit(Output::Cursor(place.cursor()));
                }
            }
        }
    }

    /// Starts at a position that everything is held after, until the app's state is there.
    fn begin(
        &mut self,
        cx: &mut Context<R>,
        reason: FetchReason,
        epoch: &Epoch,
        view: &View,
        from: Position,
        spread_ms: u64,
    ) {
        self.deliver_batch(cx);
        cx.timers.stop(Timer::Repair);
        let refresh = reason != FetchReason::Initial;
        if refresh {
            cx.counters.refreshes += 1;
            cx.log(Log::Refresh);
        }
        let fetch = Fetch {
            reason,
            from,
            asked: None,
            leader_asked: false,
            held: Vec::new(),
            overflowed: false,
        };
        let place = Place {
            epoch: epoch.clone(),
            view: view.clone(),
            rule: CursorRule::at(from),
            ring: Ring::at(from),
            batch: Vec::new(),
            missing_up_to: None,
            fetch: self.fetches_state.then_some(fetch),
            kept: None,
        };
        if !self.fetches_state {
            if refresh {
                cx.emit(Output::Refreshed {
                    reason,
                    epoch: place.epoch.clone(),
                    at: from,
                });
            }
            cx.emit(Output::Cursor(place.cursor()));
        }
        self.place = Some(place);
        if self.fetches_state {
            let wait = cx.random.up_to(spread_ms).max(self.fetch_backoff(cx));
            cx.after(Timer::Fetch, wait);
        }
    }

    /// Asks the app for its state.
    pub(crate) fn fetch_due(&mut self, cx: &mut Context<R>) {
        cx.timers.stop(Timer::Fetch);
        let Some(place) = &mut self.place else { return };
        let Some(fetch) = &mut place.fetch else {
            return;
        };
        self.fetch_number += 1;
        let (number, head) = (self.fetch_number, place.rule.last());
        fetch.asked = Some((number, head));
        cx.emit(Output::FetchState {
            number,
            reason: fetch.reason,
            epoch: place.epoch.clone(),
            head,
        });
    }

    /// The app failed to fetch its state.
    pub(crate) fn state_failed(&mut self, cx: &mut Context<R>, number: u32) {
        let Some(fetch) = self.place.as_mut().and_then(|place| place.fetch.as_mut()) else {
            return;
        };
        if fetch.asked.is_some_and(|(asked, _)| asked == number) {
            cx.log(Log::StateFailed);
            self.fetch_again(cx);
        }
    }

    fn fetch_again(&mut self, cx: &mut Context<R>) {
        if let Some(fetch) = self.place.as_mut().and_then(|place| place.fetch.as_mut()) {
            fetch.asked = None;
            self.fetch_failures += 1;
            let wait = self.fetch_backoff(cx);
            cx.after(Timer::Fetch, wait);
        }
    }

    /// Zero for a first fetch; after failures at least half of what doubles from a second to half a minute.
    fn fetch_backoff(&self, cx: &mut Context<R>) -> u64 {
        match self.fetch_failures {
            0 => 0,
            failures => {
                let half = (500_u64 << failures.min(10)).min(FETCH_BACKOFF_MS_MAX) / 2;
                half + cx.random.up_to(half)
            }
        }
    }

    /// The app has fetched its state, at this position or at the `head` it was asked with.
    pub(crate) fn state_fetched(
        &mut self,
        cx: &mut Context<R>,
        number: u32,
        position: Option<(Epoch, Position)>,
        state: Option<RawJson>,
    ) {
        let Some(place) = &mut self.place else { return };
        let Some(asked) = place.fetch.as_ref().and_then(|fetch| fetch.asked) else {
            return;
        };
        if asked.0 != number {
            return;
        }
        let (epoch, position) = position.unwrap_or_else(|| (place.epoch.clone(), asked.1));
        if epoch != place.epoch {
            // The app's back end is on another log than the server: either is about to follow the other.
            return self.fetch_again(cx);
        }
        self.apply_state(cx, number, position, state, None);
    }

    /// The app's state is there, from the app or from another tab.
    fn apply_state(
        &mut self,
        cx: &mut Context<R>,
        number: u32,
        position: Position,
        kept: Option<RawJson>,
        shared: Option<RawJson>,
    ) {
        let Some(place) = &mut self.place else { return };
        let Some(fetch) = place.fetch.take() else {
            return;
        };
        let reached = place.rule.last();
        cx.emit(Output::Cursor(Cursor {
            last: position,
            ..place.cursor()
        }));
        cx.emit(Output::ApplyState {
            number,
            reason: fetch.reason,
            epoch: place.epoch.clone(),
            position,
            shared,
        });
        cx.timers.stop(Timer::Fetch);
        place.kept = kept.map(|json| (position, json));
        if position < fetch.from || (fetch.overflowed && position < reached) {
            // What lies between the state and the held events was never sent to this tab, or was dropped: go back for it.
            place.rule = CursorRule::at(position);
            place.ring = Ring::at(position);
            place.lacks(cx, reached);
            self.fetch_failures += u32::from(position < fetch.from);
        } else {
            if position > reached {
                place.rule = CursorRule::at(position);
                place.ring = Ring::at(position);
                if place
                    .missing_up_to
                    .is_some_and(|missing| missing <= position)
                {
                    place.missing_up_to = None;
                    cx.timers.stop(Timer::Repair);
                }
            }
            for (id, raw) in fetch.held {
                if id > position {
                    place.batch.push(raw);
                }
            }
            self.fetch_failures = 0;
            place.deliver_batch(cx);
        }
    }

    // The state of other tabs.

    /// The log and view of the state to ask the leader for, unless it was asked already: then the app fetches it.
    pub(crate) fn asks_leader_for_state(&mut self, cx: &mut Context<R>) -> Option<(Epoch, View)> {
        let place = self.place.as_mut()?;
        let fetch = place.fetch.as_mut()?;
        if core::mem::replace(&mut fetch.leader_asked, true) {
            return None;
        }
        cx.after(Timer::Fetch, SHARED_STATE_MS);
        Some((place.epoch.clone(), place.view.clone()))
    }

    /// Whether the app is fetching the state of that log and view.
    pub(crate) fn is_fetching(&self, epoch: &Epoch, view: &View) -> bool {
        self.place.as_ref().is_some_and(|place| {
            place.other_than(epoch, view).is_none()
                && place
                    .fetch
                    .as_ref()
                    .is_some_and(|fetch| fetch.asked.is_some())
        })
    }

    /// The state that was applied last, if everything after it can be given too.
    pub(crate) fn state_kept(&self) -> Option<(Cursor, RawJson)> {
        let place = self.place.as_ref()?;
        let (last, json) = place.kept.clone()?;
        place.ring.after(last)?;
        let cursor = Cursor {
            last,
            ..place.cursor()
        };
        Some((cursor, json))
    }

    /// The leader has no state to give.
    pub(crate) fn no_state_given(&mut self, cx: &mut Context<R>) {
        if self.waits_for_leader() {
            self.fetch_due(cx);
        }
    }

    /// The leader gives its state.
    pub(crate) fn state_given(&mut self, cx: &mut Context<R>, state: SharedState) {
        let same = self
            .place
            .as_ref()
            .is_some_and(|place| place.other_than(&state.epoch, &state.view).is_none());
        if same && self.waits_for_leader() {
            cx.log(Log::StateShared);
            cx.counters.states_shared += 1;
            let kept = self.shares_state.then(|| state.json.clone());
            self.apply_state(cx, 0, state.position, kept, Some(state.json));
        }
    }

    fn waits_for_leader(&self) -> bool {
        let fetch = self.place.as_ref().and_then(|place| place.fetch.as_ref());
        fetch.is_some_and(|fetch| fetch.leader_asked && fetch.asked.is_none())
    }

    /// Delivers what a replay has brought so far.
    pub(crate) fn deliver_batch(&mut self, cx: &mut Context<R>) {
        if let Some(place) = &mut self.place {
            place.deliver_batch(cx);
        }
    }
}

impl<R: Raw> Place<R> {
    fn cursor(&self) -> Cursor {
        Cursor {
            epoch: self.epoch.clone(),
            view: self.view.clone(),
            last: self.rule.last(),
        }
    }

    /// Why positions of that log and view do not compare with this tab's.
    fn other_than(&self, epoch: &Epoch, view: &View) -> Option<RefreshReason> {
        if self.epoch != *epoch {
            Some(RefreshReason::EpochChanged)
        } else if self.view != *view {
            Some(RefreshReason::ViewChanged)
        } else {
            None
        }
    }

    /// Something before `position` is missing. The repair is due at once, unless one was asked for already.
    fn lacks(&mut self, cx: &mut Context<R>, position: Position) {
        if self.missing_up_to.is_none() {
            cx.log(Log::Gap);
            cx.after(Timer::Repair, 0);
        }
        self.missing_up_to = self.missing_up_to.max(Some(position));
    }

    /// Takes an event that was applied: held while the state is fetched, else collected for delivery.
    fn take(&mut self, cx: &mut Context<R>, position: Position, raw: R) {
        let Some(fetch) = &mut self.fetch else {
            if self.batch.is_empty() {
                cx.after(Timer::Batch, BATCH_MS_MAX);
            }
            return self.batch.push(raw);
        };
        if fetch.held.len() == HELD_EVENTS_MAX {
            fetch.held = Vec::new();
            fetch.overflowed = true;
        }
        if !fetch.overflowed {
            fetch.held.push((position, raw));
        }
    }

    fn deliver_batch(&mut self, cx: &mut Context<R>) {
        cx.timers.stop(Timer::Batch);
        if !self.batch.is_empty() {
            let events = core::mem::take(&mut self.batch);
            cx.counters.delivered += events.len() as u64;
            cx.emit(Output::Cursor(self.cursor()));
            cx.emit(Output::Deliver(events));
        }
    }
}
