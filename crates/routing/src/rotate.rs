//! What time alone does: rotations, the ends of reservations and of graces, and pacing.

use crate::clock::open_between;
use crate::decision::{Act, Decision, Funnel, Reason, Reject};
use crate::fact::Presence;
use crate::index::{self, Due, Rules};
use crate::outcome::Notice;
use crate::policy::{OnGone, PresenceRule};
use crate::row::{AgentRow, ConvRow, Epoch, Origin};
use crate::work::Work;
use ronda_domain::conversation::{Phase, Place};
use ronda_domain::{AgentId, ConversationId, Ms};

/// What becomes of a conversation whose time is over and that nobody else takes.
enum Stuck {
    OnlyCandidate,
    NobodyAvailable,
    AllFull,
}

impl Work<'_> {
    /// Fires one deadline that has passed.
    pub fn fire(&mut self, at: Ms, due: Due) {
        match due {
            Due::Rotate(conv) => self.expire(conv),
            Due::Reservation(conv) => self.unreserve(conv),
            Due::Gone(agent) => self.gone(agent),
            Due::Cooling(agent) => self.edit_agent(agent, |a| a.keep.cooling_until = None),
            Due::Ramp(agent) => self.ramp(agent, at),
            Due::Step(conv) => self.widen(conv),
            Due::Overflow(conv) => self.flow_on(conv),
            Due::MaxWait(conv) => self.waited_out(conv),
            Due::Escalate(conv) => self.escalate(conv),
            Due::Window(conv) => self.window_ends(conv),
        }
    }

    /// The time to answer is over (rows 8–13).
    fn expire(&mut self, conv: ConversationId) {
        let Some(old) = self.s.conv(conv).cloned() else {
            return;
        };
        let Some(owner) = old.owner else {
            return;
        };
        if !self.wants_clock(&old) {
            self.put(ConvRow { rotate_at: None, ..old });
            return;
        }
        self.strike(owner, &old);
        if self.give_back(&old) || self.guard(&old, owner) {
            return;
        }
        let after_ms = self.had_for(&old);
        let scope = self.s.rules().scope_of(&old);
        let policy = self.s.rules().policy_of(&old);
        let (rounds, any) = (policy.rounds, policy.presence == PresenceRule::Any);
        let mut lane = index::lane_without_owner(&old);
        let no_answer = |round| Reason::NoAnswer { after_ms, round };
        if let Some((to, funnel)) = self.choose_next(&scope, &lane) {
            self.rotate_to(&old, lane.missed, to, no_answer(old.round), funnel);
            return;
        }
        let mut funnel = self.funnel(&scope, &lane);
        // Those who cool down are not there to begin a round for.
        let counts = |a: &AgentRow| {
            Rules::member(a, &scope) && Rules::may_reply(a, old.channel) && self.s.status(a, &scope).available()
        };
        let missed = lane.missed.iter().filter(|a| **a != owner);
        let others = missed.filter(|a| self.s.agent(**a).is_some_and(counts)).count();
        let full = count(&funnel, Reject::Full) + count(&funnel, Reject::Ramp);
        let mut current = old.clone();
        if full == 0 && others > 0 {
            // Everybody has had it: the round is over (row 10).
            if old.round.saturating_add(1) >= rounds {
                self.exhaust(&old, funnel);
                return;
            }
            current.round += 1;
            current.missed.clear();
            lane = index::lane_without_owner(&current);
            if let Some((to, funnel)) = self.choose_next(&scope, &lane) {
                // The old owner missed the round that is over, not the one that begins.
                self.rotate_to(&current, Vec::new(), to, no_answer(current.round), funnel);
                return;
            }
            funnel = self.funnel(&scope, &lane);
        }
        let row = self.s.agent(owner);
        let here = row.is_some_and(|a| a.active && (any || a.keep.presence != Presence::Gone));
        let available = row.is_some_and(|a| self.s.status_for(a, &old).available());
        let (stuck, keeps) = if full > 0 || others > 0 {
            (Stuck::AllFull, here)
        } else if available {
            (Stuck::OnlyCandidate, true)
        } else {
            (Stuck::NobodyAvailable, any)
        };
        if keeps {
            self.keep(&old, current, &stuck, funnel);
        } else {
            self.release(&old, current, &stuck, funnel);
        }
    }

    /// How long the present owner has owed an answer.
    fn had_for(&self, conv: &ConvRow) -> i64 {
        let start = conv.anchor.max(conv.assigned_at);
        start.map_or(0, |at| self.now().since(at))
    }

    /// Gives what was only lent back to who transferred it, before anybody else is asked: if they are available,
    /// whatever their group, below the hard cap. They asked for it, so it is a return and costs no turn.
    fn give_back(&mut self, old: &ConvRow) -> bool {
        let takes = |to: &AgentId| {
            self.s.agent(*to).is_some_and(|a| {
                let cap = Rules::hard_cap(a, self.s.rules().policy_of(old));
                Rules::may_reply(a, old.channel)
                    && self.s.status_for(a, old).available()
                    && cap.is_none_or(|cap| a.load < cap)
            })
        };
        let Some(to) = old.keep.return_to.filter(takes) else {
            return false;
        };
        let mut missed = index::lane_without_owner(old).missed;
        missed.retain(|a| *a != to);
        let base = ConvRow { missed, ..old.clone() };
        let mut row = self.owned(&base, to, Origin::Returned);
        row.keep.previous = old.owner;
        let reason = Reason::CameBack {
            after_ms: self.had_for(old),
        };
        self.allow(to, self.s.hard_cap_in(to, old.group));
        self.mark_rotation(old);
        self.mark_reason(old.conv, reason.clone());
        self.decide(old, &row, Act::Return, reason, Funnel::default());
        self.put(row);
        self.over_limit(old.conv, to);
        true
    }

    /// Row 14: when those who are at work hold more than they can answer within the time, what one of them holds is
    /// not moved to another of them: it costs everybody the reading and shortens no wait. True when it stays for that.
    fn guard(&mut self, old: &ConvRow, owner: AgentId) -> bool {
        let now = self.now();
        let Some(whole) = self.s.rules().policy_of(old).answer_ms(0) else {
            return false;
        };
        if !self.s.index.work(owner).is_fresh(now, whole) {
            return false;
        }
        let Some(team) = self.s.index.busy.team(whole) else {
            return false;
        };
        // Before anybody's first answer nobody knows what one takes.
        let Some(reply_ms) = team.median_ms() else {
            return false;
        };
        let (unanswered, answering) = (team.clocks, team.agents);
        if i64::from(unanswered).saturating_mul(reply_ms) <= whole.saturating_mul(i64::from(answering)) {
            return false;
        }
        let mut row = old.clone();
        row.keep.guarded = true;
        row.rotate_at = self.clock_from(&row, now);
        if !old.keep.guarded {
            self.notices.push(Notice::Saturated {
                conversation: old.conv,
                owner,
                unanswered,
                answering,
            });
        }
        let reason = Reason::Saturated {
            unanswered,
            answering,
            reply_ms,
            next_at: row.rotate_at,
        };
        let funnel = self.funnel(&self.s.rules().scope_of(old), &index::lane_without_owner(old));
        self.decide(old, &row, Act::Keep, reason, funnel);
        self.put(row);
        true
    }

    /// An agent showed life: whatever was counted against them is void (row 15).
    pub fn life(&mut self, agent: AgentId) {
        let now = self.now();
        if self.s.agent(agent).is_some() {
            self.edit_agent(agent, |a| {
                a.keep.life_at = Some(now);
                a.keep.strikes = 0;
                a.keep.strike_at = None;
                a.keep.cooling_until = None;
            });
        }
    }

    /// An agent answers or types: life, and work for as long as a time to answer (row 14).
    pub fn works(&mut self, agent: AgentId) {
        self.life(agent);
        let now = self.now();
        if self.s.agent(agent).is_some() {
            self.edit_agent(agent, |a| a.keep.worked_at = Some(now));
        }
    }

    /// Counts a deadline that passed against an agent who showed no life anywhere meanwhile (row 15). Expiries alone
    /// count for nothing: who answers others is busy, not absent.
    fn strike(&mut self, agent: AgentId, conv: &ConvRow) {
        let policy = self.s.rules().policy_of(conv);
        let (most, now, policy_version) = (policy.strikes, self.now(), policy.version);
        let any = policy.presence == PresenceRule::Any;
        let cool_down = policy.cool_down_seconds;
        let (Some(whole), Some(base)) = (policy.answer_ms(conv.round), policy.answer_ms(0)) else {
            return;
        };
        let Some(row) = self
            .s
            .agent(agent)
            .filter(|a| most > 0 && self.s.status_for(a, conv).available())
        else {
            return;
        };
        let hours = self.s.rules().hours_of(conv);
        let silent = |at| open_between(hours, at, now) >= whole;
        let lately = row.keep.strike_at.is_some_and(|at| now.since(at) < base / 2);
        if lately || !row.keep.life_at.is_none_or(silent) {
            return;
        }
        let strikes = row.keep.strikes.saturating_add(1);
        let out = strikes >= most;
        let until = now.plus(cool_down_ms(cool_down, strikes.saturating_sub(most)));
        self.edit_agent(agent, |a| {
            // Away, they come back by a sign of life. A cool-down ends by itself: until such a sign one more deadline
            // is enough for the next.
            a.keep.strikes = if out && !any { 0 } else { strikes };
            a.keep.strike_at = Some(now);
            a.keep.cooling_until = (out && any).then_some(until);
        });
        if !out {
            return;
        }
        self.notices.push(if any {
            Notice::CoolingDown { agent, strikes, until }
        } else {
            Notice::MarkAway { agent, strikes }
        });
        self.note(Decision {
            seq: 0,
            at: now,
            cause: 0,
            policy_version,
            conversation: None,
            epoch_before: Epoch(0),
            epoch_after: Epoch(0),
            act: if any { Act::CoolDown } else { Act::MarkAway },
            from: Some(agent),
            to: None,
            reason: Reason::NoLife {
                strikes,
                until: any.then_some(until),
            },
            funnel: Funnel::default(),
        });
    }

    /// Gives a conversation to the next agent; `missed` is the set with the old owner.
    pub fn rotate_to(&mut self, old: &ConvRow, missed: Vec<AgentId>, to: AgentId, reason: Reason, funnel: Funnel) {
        let base = ConvRow {
            missed,
            moves: old.moves.saturating_add(1),
            ..old.clone()
        };
        let mut row = self.owned(&base, to, Origin::Rotated);
        row.keep.previous = old.owner;
        self.mark_rotation(old);
        self.hand(old, row, to, Act::Rotate, reason, funnel);
    }

    /// The owner keeps it; it moves as soon as somebody else becomes available.
    fn keep(&mut self, old: &ConvRow, mut row: ConvRow, stuck: &Stuck, funnel: Funnel) {
        let round = row.round;
        let again = match stuck {
            // Moving cannot help a full team: the same time again (row 13).
            Stuck::AllFull => true,
            Stuck::OnlyCandidate | Stuck::NobodyAvailable => {
                let next = row.round.saturating_add(1);
                row.missed.clear();
                let more = next < self.s.rules().policy_of(old).rounds;
                if more {
                    row.round = next;
                }
                more
            }
        };
        row.missed = index::lane_without_owner(&row).missed;
        row.keep.overdue = true;
        row.rotate_at = if again { self.clock_from(&row, self.now()) } else { None };
        let next_at = row.rotate_at;
        let reason = stuck.reason(round, next_at);
        self.notices.extend(row.owner.map(|owner| Notice::KeptOverdue {
            conversation: row.conv,
            owner,
        }));
        self.decide(old, &row, Act::Keep, reason, funnel);
        self.put(row);
    }

    /// It waits again, for whoever comes first: the round is over for everybody.
    fn release(&mut self, old: &ConvRow, current: ConvRow, stuck: &Stuck, funnel: Funnel) {
        let last = self.s.rules().policy_of(old).rounds.saturating_sub(1);
        let mut row = self.unowned(&current);
        row.round = current.round.saturating_add(1).min(last);
        row.missed.clear();
        row.keep.previous = old.owner;
        self.mark_rotation(old);
        if matches!(stuck, Stuck::NobodyAvailable) {
            self.notices.push(Notice::NobodyAvailable { conversation: old.conv });
        }
        self.decide(old, &row, Act::Release, stuck.reason(old.round, None), funnel);
        self.put(row);
    }

    fn exhaust(&mut self, old: &ConvRow, funnel: Funnel) {
        let mut row = self.unowned(old);
        row.exhausted = true;
        row.missed.clear();
        row.keep.previous = old.owner;
        self.mark_rotation(old);
        self.notices.extend(old.owner.map(|owner| Notice::Exhausted {
            conversation: old.conv,
            owner,
        }));
        let reason = Reason::RoundsUsed {
            rounds: self.s.rules().policy_of(old).rounds,
            moves: old.moves,
        };
        self.decide(old, &row, Act::Exhaust, reason, funnel);
        self.put(row);
    }

    fn unreserve(&mut self, conv: ConversationId) {
        let Some(old) = self.s.conv(conv).cloned() else {
            return;
        };
        let mut row = ConvRow {
            reserved_for: None,
            reserved_until: None,
            ..old.clone()
        };
        row.keep.origin = None;
        // From now on its group is asked.
        row.keep.asked_since = Some(self.now());
        self.came.insert(conv);
        row.keep.step_since = Some(self.now());
        let funnel = self.funnel(&self.s.rules().scope_of(&row), &index::lane(&row));
        self.decide(&old, &row, Act::Unreserve, Reason::ReservationOver, funnel);
        self.put(row);
    }

    /// The grace of an agent who left is over (row 56).
    fn gone(&mut self, agent: AgentId) {
        self.edit_agent(agent, |a| {
            a.keep.gone_due = None;
            a.keep.ramp = None;
        });
        for conv in self.held_by(agent) {
            if let Some(old) = self
                .s
                .conv(conv)
                .cloned()
                .filter(|c| self.is_gone(agent, c) && self.moves_when_gone(c))
            {
                self.requeue(&old, Reason::OwnerGone);
            }
        }
    }

    /// Whether a conversation of an agent who is gone moves now.
    fn moves_when_gone(&self, conv: &ConvRow) -> bool {
        let first_reply = conv.anchor.is_some() && conv.keep.answers == 0 && conv.phase == Some(Phase::Unanswered);
        match self.s.rules().policy_of(conv).on_gone {
            OnGone::Keep => false,
            OnGone::Unanswered | OnGone::OnCustomerMessage => first_reply,
            OnGone::All => true,
        }
    }

    /// The customer of a held conversation wrote: whether it leaves an owner who is gone.
    pub fn leaves_on_message(&self, conv: &ConvRow) -> bool {
        let gone = conv.owner.is_some_and(|o| self.is_gone(o, conv));
        let on_gone = self.s.rules().policy_of(conv).on_gone;
        gone && (self.moves_when_gone(conv) || on_gone == OnGone::OnCustomerMessage)
    }

    pub fn held_by(&self, agent: AgentId) -> Vec<ConversationId> {
        self.s.index.held.get(&agent).into_iter().flatten().copied().collect()
    }

    /// Takes a conversation from its owner; it waits at its anchor, or goes back to who only lent it.
    pub fn requeue(&mut self, old: &ConvRow, reason: Reason) {
        if self.give_back(old) {
            return;
        }
        let mut row = self.unowned(old);
        self.open_round(&mut row, &[]);
        let funnel = self.funnel(&self.s.rules().scope_of(&row), &index::lane(&row));
        self.decide(old, &row, Act::Requeue, reason, funnel);
        self.put(row);
    }

    /// Ends the round of a row about to wait when all who are available have missed it: nobody would ever take it.
    /// `keep_out` stay out of the next round.
    pub fn open_round(&mut self, row: &mut ConvRow, keep_out: &[AgentId]) {
        debug_assert!(row.place == Place::Waiting, "only a waiting row is opened");
        let funnel = self.funnel(&self.s.rules().scope_of(row), &index::lane(row));
        let fresh = [
            Reject::Full,
            Reject::Ramp,
            Reject::Outranked,
            Reject::SwitchedOff,
            Reject::Closed,
        ];
        let open: u32 = fresh.iter().map(|r| count(&funnel, *r)).sum();
        if open == 0 && row.missed.iter().any(|a| !keep_out.contains(a)) {
            let rounds = self.s.rules().policy_of(row).rounds;
            row.round = row.round.saturating_add(1).min(rounds.saturating_sub(1));
            row.missed = keep_out.to_vec();
        }
    }

    /// A step of the pacing of an agent. It ends when it no longer holds them back: when it allows the whole limit, or
    /// has left room for a fresh start through a whole interval.
    fn ramp(&mut self, agent: AgentId, at: Ms) {
        let Some(row) = self.s.agent(agent) else {
            return;
        };
        let Some(ramp) = row.keep.ramp else {
            return;
        };
        let rules = self.s.rules();
        let before = rules.ramp_cap(ramp, at.plus(-1));
        let idle = before.saturating_sub(row.load) >= self.s.policy.ramp.initial;
        let limit = rules
            .policies_of(row)
            .map(|p| Rules::limit(row, p).unwrap_or(u32::MAX))
            .max();
        let whole = limit.is_some_and(|l| rules.ramp_cap(ramp, self.now()) >= l);
        let in_grace = row.keep.gone_due.is_some();
        let over = idle || whole || !(rules.is_there(row) || in_grace);
        self.edit_agent(agent, |a| {
            if over {
                a.keep.ramp = None;
            }
        });
    }
}

/// How long a cool-down lasts after so many in a row: each twice as long as the one before, up to an hour, or always as
/// long as the policy says when that is more.
fn cool_down_ms(seconds: u32, before: u8) -> i64 {
    let longest = crate::defaults::COOL_DOWN_LONGEST_SECONDS.max(seconds);
    let grown = u64::from(seconds) << u32::from(before).min(16);
    i64::try_from(grown.min(u64::from(longest))).unwrap_or(i64::MAX) * 1_000
}

impl Stuck {
    const fn reason(&self, round: u8, next_at: Option<Ms>) -> Reason {
        match self {
            Self::OnlyCandidate => Reason::OnlyCandidate { round, next_at },
            Self::NobodyAvailable => Reason::NobodyAvailable { round, next_at },
            Self::AllFull => Reason::AllFull { round, next_at },
        }
    }
}

fn count(funnel: &Funnel, reason: Reject) -> u32 {
    funnel.lost.iter().filter(|l| l.reason == reason).map(|l| l.count).sum()
}
