//! A tab that shows "open" says that events come. While none can, because no page of its group has a connection that works,
//! it may go on saying so for as long as it takes to find that out, and no longer.

use super::*;

/// How often somebody looks, in milliseconds.
const LOOK_MS: u64 = 250;
/// A visible tab that has become visible, or has come back, asks its leader at once, and gives up on it 3 s later; 5 s with all
/// that may come between.
const VISIBLE_MS: u64 = 5_000;
/// Otherwise a leader that does not run is missed after two and a half ping periods, and given up on 3 s after that.
const PERIODS_MISSED_TENTHS: u64 = 25;
const MISSED_MS: u64 = 5_000;
/// A leader that runs takes a socket for dead after a ping period, 5 s of margin, and a probe of 5 s.
const DEAD_SOCKET_MS: u64 = 10_000;
/// While a leader is connecting it says so by a timer, every 5 s: the longest period where pings are more frequent.
const PERIOD_MS_MIN: u64 = 5_000;
/// A clock that is set forward makes a timer look late: the leader is given its time once more.
const EXCUSED_MS: u64 = 3_000;
/// How many timers, one after the other, lead to any of this: each of a hidden page comes a step late.
const TIMERS_IN_A_ROW: u64 = 4;

impl World {
    pub(super) fn look(&mut self) {
        self.after(LOOK_MS, Due::Look);
        let pages: Vec<PageId> = self.living().collect();
        for page in pages {
            let leaders: Vec<PageId> = (self.group_of(page).into_iter())
                .filter(|leader| self.could_hear(page, *leader))
                .collect();
            let speaks = leaders.iter().any(|leader| self.delivers(*leader));
            let (now, listener) = (self.now, &mut self.pages[page]);
            for (since, ends) in [
                (&mut listener.silent_since, speaks),
                (&mut listener.leaderless_since, !leaders.is_empty()),
            ] {
                if ends {
                    *since = None;
                } else {
                    since.get_or_insert(now);
                }
            }
            if let Some(since) = listener.silent_since {
                // What a leader had not read yet when it stopped running, it reads when it goes on.
                let brought = leaders.iter().map(|leader| self.pages[*leader].brought_at);
                let since = brought.fold(since, Millis::max);
                self.check_silence(page, since, &leaders);
            }
        }
    }

    /// Whether a page leads and runs, and what it says arrives at this one.
    fn could_hear(&self, page: PageId, leader: PageId) -> bool {
        let deaf = |page: PageId| self.pages[page].deaf_until > self.now;
        let shares = self.profile(page).sharing != Sharing::Nothing;
        let reaches = page == leader || shares && !deaf(page) && !deaf(leader);
        reaches && self.pages[leader].tab.leads().is_some() && self.runs(leader)
    }

    /// Whether what the server has for this leader arrives.
    fn delivers(&self, leader: PageId) -> bool {
        let Some((_, connection)) = self.pages[leader].socket else {
            return false;
        };
        let works = |wire: &Wire| !wire.half_open;
        self.server.has(connection) && self.wires.get(&connection).is_some_and(works)
    }

    /// Nothing can come to a page since then.
    fn check_silence(&mut self, page: PageId, since: Millis, leaders: &[PageId]) {
        let looked_at = &self.pages[page];
        if looked_at.shows.0 != State::Open
            || !self.runs(page)
            || !looked_at.backlog.sources().is_empty()
        {
            return;
        }
        let ping = self.swarm.ping.max(PERIOD_MS_MIN);
        let latencies = 4 * self.swarm.latency_max
            + 4 * self.swarm.channel_latency_max
            + 2 * locks::LOCK_LATENCY_MS_MAX
            + 2 * LOOK_MS;
        let can = looked_at.runs_since.max(looked_at.shows.1);
        // A leader that runs may be about to find its socket dead, and then stop running: that is to be found out anew. And so
        // when it goes on.
        let stops = looked_at.leaderless_since.into_iter();
        let goes_on = leaders.iter().map(|leader| self.pages[*leader].runs_since);
        let begins = stops.chain(goes_on).fold(since.max(can), Millis::max);
        let group = self.group_of(page);
        let steps = group.iter().map(|page| self.slowest_step(*page, begins));
        let throttled = match steps.max() {
            Some(step) if step > 1 => step * TIMERS_IN_A_ROW,
            _ => 0,
        };
        // What is lost on a clock that is set back is lost on all timers.
        let lost = group
            .iter()
            .map(|page| self.pages[*page].clock.lost_since(begins));
        let mut lost: u64 = lost.sum();
        if self.browsers[looked_at.browser].set_forward_at >= begins {
            lost += EXCUSED_MS;
        }
        let mut bound = begins.plus(Millis(
            (ping * PERIODS_MISSED_TENTHS / 10 + MISSED_MS).max(ping + DEAD_SOCKET_MS)
                + latencies
                + throttled
                + lost,
        ));
        // Whoever begins to look when the leader does not run any more, and nothing that it said is on the way, is shown the
        // truth soon.
        let looks_since = looked_at.looks_since;
        let heard_last = |since: Millis| since.plus(Millis(self.swarm.channel_latency_max));
        if looked_at.visible
            && looked_at
                .leaderless_since
                .is_some_and(|since| looks_since > heard_last(since))
        {
            let soon = VISIBLE_MS + latencies + lost;
            bound = bound.min(looks_since.max(can).plus(Millis(soon)));
        }
        if self.now > bound {
            self.fail(
                Promise::Silence,
                format!(
                    "page {page} shows that events come; for {} ms none has been able to",
                    self.now.since(since).0
                ),
            );
        }
    }
}
