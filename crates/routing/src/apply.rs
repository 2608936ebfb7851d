//! What each fact about a conversation does. A refused fact changes nothing.

use crate::decision::{Act, Funnel, Reason, Skip};
use crate::fact::{Arrival, Fact};
use crate::index::{Rules, Status};
use crate::outcome::{Answer, Notice, Refusal};
use crate::row::{ConvRow, Epoch, GroupRow, Origin};
use crate::work::Work;
use ronda_domain::conversation::{CloseReason, Phase, Place};
use ronda_domain::{AgentId, ConversationId, Ms};

const fn refused(code: Refusal) -> Answer {
    Answer::Refused { code }
}

impl Work<'_> {
    pub fn apply(&mut self, fact: &Fact) -> Answer {
        match fact {
            Fact::HandedOff { conv, arrival } => self.handed_off(*conv, arrival, None),
            Fact::Reopened {
                conv,
                arrival,
                reserved_for,
            } => self.handed_off(*conv, arrival, Some(*reserved_for)),
            Fact::CustomerSaid { conv, at, window_ends } => self.customer_said(*conv, *at, *window_ends),
            Fact::AgentSaid { conv, agent, seen } => self.agent_said(*conv, *agent, *seen),
            Fact::LateReply { conv, agent, seen } => self.late_reply(*conv, *agent, *seen),
            Fact::SendFailed { conv, agent, anchor } => self.send_failed(*conv, *agent, *anchor),
            Fact::Typing { conv, agent } => self.typing(*conv, *agent),
            Fact::Extended { conv, agent, seen } => self.extended(*conv, *agent, *seen),
            Fact::Taken { .. } | Fact::Transferred { .. } | Fact::Declined { .. } => self.command(fact),
            Fact::PromiseBroken {
                conv,
                raise_minutes,
                to,
            } => self.promise_broken(*conv, *raise_minutes, *to),
            Fact::Parked { conv } => self.parked(*conv),
            Fact::Woken { conv } => self.woken(*conv),
            Fact::Closed {
                conv,
                by,
                seen,
                reason,
                arrival,
            } => self.closed(*conv, *by, *seen, *reason, arrival.as_ref()),
            Fact::ReturnedToBot { conv, by, seen } => self.returned_to_bot(*conv, *by, *seen),
            Fact::Presence { agent, now, since } => self.presence(*agent, *now, *since),
            Fact::AgentEdited { agent, profile } => self.agent_edited(*agent, profile),
            Fact::GroupSet {
                group,
                live,
                default,
                heir,
                overflow,
                overflow_seconds,
            } => {
                let row = GroupRow {
                    group: *group,
                    default: *default,
                    overflow: *overflow,
                    overflow_seconds: *overflow_seconds,
                };
                self.group_set(row, *live, *heir)
            }
            Fact::PolicySet { scope, policy, reach } => self.policy_set(*scope, policy.as_deref(), *reach),
            Fact::HoursSet { scope, hours } => self.hours_set(*scope, hours.as_ref()),
            Fact::RotationPaused { group, until } => self.rotation_paused(*group, *until),
            Fact::Tick | Fact::Gap { .. } => Answer::Ok {
                epoch: None,
                owner: None,
            },
        }
    }

    pub fn ok(&self, conv: ConversationId) -> Answer {
        let row = self.s.conv(conv);
        Answer::Ok {
            epoch: row.map(|c| c.epoch),
            owner: row.and_then(|c| c.owner),
        }
    }

    /// The row a command is about, when it is live or brought along, and nobody was faster.
    pub fn target(
        &mut self,
        conv: ConversationId,
        seen: Option<Epoch>,
        arrival: Option<&Arrival>,
    ) -> Result<ConvRow, Answer> {
        let row = match (self.s.conv(conv).cloned(), arrival) {
            (Some(row), _) => row,
            (None, Some(arrival)) => {
                let other = self.s.index.live.get(&(arrival.channel, arrival.customer));
                if other.is_some_and(|other| *other != conv) {
                    return Err(refused(Refusal::SecondLive));
                }
                self.arrive(conv, arrival, Place::Bot)
            }
            (None, None) => return Err(refused(Refusal::NotLive)),
        };
        match seen {
            Some(seen) if seen != row.epoch => Err(Answer::Conflict {
                owner: row.owner,
                epoch: row.epoch,
            }),
            _ => Ok(row),
        }
    }

    /// A conversation asks for a human. `reopened` is set, with its last owner, when it is inside the close tolerance.
    fn handed_off(&mut self, conv: ConversationId, arrival: &Arrival, reopened: Option<Option<AgentId>>) -> Answer {
        if self.s.conv(conv).is_some() {
            return self.ok(conv);
        }
        let mut old = match self.target(conv, None, Some(arrival)) {
            Ok(row) => row,
            Err(answer) => return answer,
        };
        old.place = Place::Waiting;
        old.waiting_since = Some(self.now());
        if let Some(agent) = reopened.flatten().filter(|a| self.may_return(*a, &old)) {
            let (load, limit) = (
                self.s.agent(agent).map_or(0, |a| a.load),
                self.s.limit_in(agent, old.group),
            );
            let row = self.owned(&old, agent, Origin::Reopened);
            self.allow(agent, self.s.hard_cap_in(agent, old.group));
            let reason = Reason::ReopenedToOwner { load, limit };
            self.decide(&old, &row, Act::Assign, reason.clone(), Funnel::default());
            self.mark_reason(conv, reason);
            self.put(row);
            self.over_limit(conv, agent);
            return self.ok(conv);
        }
        let mut row = old.clone();
        let mut reason = if reopened.is_some() {
            Reason::Reopened
        } else {
            Reason::Arrived
        };
        let wanted = arrival
            .prefer
            .filter(|_| self.s.rules().policy_of(&row).affinity.enabled);
        if let Some(agent) = wanted {
            match self.affinity(agent, &row, arrival.strict) {
                Ok(until) => {
                    row.reserved_for = Some(agent);
                    row.reserved_until = Some(until);
                    reason = Reason::KeptFor { agent, until };
                }
                Err(why) => {
                    if why == Skip::Inactive {
                        self.notices.push(Notice::AffinityEnded {
                            conversation: conv,
                            customer: row.customer,
                            agent,
                        });
                    }
                    reason = Reason::PreferredSkipped { agent, why };
                }
            }
        }
        if let Some(group) = arrival.group.filter(|g| !self.s.groups.contains_key(g)) {
            reason = Reason::UnknownGroup { group };
            self.notices.push(Notice::UnknownGroup {
                conversation: conv,
                group,
            });
        }
        let funnel = self.funnel(&self.s.rules().scope_of(&row), &crate::index::lane(&row));
        self.decide(&old, &row, Act::Enqueue, reason, funnel);
        self.put(row);
        self.ok(conv)
    }

    /// Whether the last owner may have a reopened conversation back: a candidate, full or not, below the hard cap.
    fn may_return(&self, agent: AgentId, conv: &ConvRow) -> bool {
        let rules = self.s.rules();
        let (policy, scope) = (rules.policy_of(conv), rules.scope_of(conv));
        policy.enabled
            && self.s.agent(agent).is_some_and(|a| {
                Rules::member(a, &scope)
                    && Rules::may_reply(a, conv.channel)
                    && self.s.status(a, &scope).available()
                    && Rules::hard_cap(a, policy).is_none_or(|cap| a.load < cap)
            })
    }

    /// Until when a conversation is kept for its preferred agent, or why it is not (rows 43, 44, 46, 47).
    fn affinity(&self, agent: AgentId, conv: &ConvRow, strict: bool) -> Result<Ms, Skip> {
        let rules = self.s.rules();
        let (rule, scope) = (rules.policy_of(conv).affinity, rules.scope_of(conv));
        let row = self.s.agent(agent).filter(|a| a.active).ok_or(Skip::Inactive)?;
        if !Rules::member(row, &scope) {
            return Err(Skip::NotMember);
        }
        if !Rules::may_reply(row, conv.channel) {
            return Err(Skip::NoReplyRight);
        }
        let held = self.s.index.preferred.get(&agent).copied().unwrap_or(0);
        let soft = match self.s.status(row, &scope) {
            Status::Inactive => return Err(Skip::Inactive),
            Status::Excluded => return Err(Skip::Excluded),
            Status::Unskilled => return Err(Skip::Skill),
            _ if rule.ceiling.is_some_and(|most| held >= most) => return Err(Skip::Ceiling),
            Status::NotOnline | Status::Cooling => rule.absent_seconds,
            Status::Ramp | Status::Full => rule.full_seconds,
            // It is theirs in this very step, unless older ones take the room they have.
            Status::Room => rule.full_seconds.max(1),
        };
        let asked = strict.then_some(crate::defaults::AFFINITY_STRICT_SECONDS);
        let seconds = rule.strict_seconds.or(asked).unwrap_or(soft);
        if seconds == 0 {
            return Err(Skip::NotNow);
        }
        Ok(self.now().plus(i64::from(seconds) * 1_000))
    }

    fn customer_said(&mut self, conv: ConversationId, at: Ms, window_ends: Option<Ms>) -> Answer {
        let Some(old) = self.s.conv(conv).cloned() else {
            return refused(Refusal::NotLive);
        };
        let mut row = ConvRow {
            anchor: old.anchor.or(Some(at)),
            ..old.clone()
        };
        row.keep.stale = false;
        if window_ends.is_some() {
            row.keep.window_ends = window_ends;
            row.keep.window_step = crate::index::window_step(window_ends, self.now());
        }
        if row.place == Place::Held {
            let parked = old.phase == Some(Phase::Parked);
            row.phase = Some(Phase::Unanswered);
            if parked {
                row.rotate_at = self.clock_from(&row, self.now());
            } else if old.anchor.is_none() {
                row.rotate_at = self.clock(&row);
            }
            if self.leaves_on_message(&row) {
                self.requeue(&row, Reason::OwnerGone);
                return self.ok(conv);
            }
        }
        if row != old {
            self.put(row);
        }
        self.ok(conv)
    }

    fn agent_said(&mut self, conv: ConversationId, agent: AgentId, seen: Epoch) -> Answer {
        self.works(agent);
        self.alive = Some(agent);
        let Some(old) = self.s.conv(conv).cloned() else {
            return refused(Refusal::NotLive);
        };
        // The reply was accepted, so nothing is owed, whoever holds it by now.
        let mut row = nothing_owed(&old);
        if old.owner != Some(agent) || old.epoch != seen {
            self.put(row);
            return Answer::Conflict {
                owner: old.owner,
                epoch: old.epoch,
            };
        }
        if old.keep.answers == 0 {
            self.first_reply(&old, agent);
        }
        row.keep.answers = old.keep.answers.saturating_add(1).min(2);
        row.keep.previous = None;
        row.keep.return_to = None;
        row.round = 0;
        row.missed.clear();
        self.put(row);
        self.ok(conv)
    }

    /// What a first reply took: since the last one, or since there was something to answer (row 14).
    fn first_reply(&mut self, conv: &ConvRow, agent: AgentId) {
        let now = self.now();
        let Some(row) = self.s.agent(agent).filter(|_| conv.anchor.is_some()) else {
            return;
        };
        let start = conv.anchor.max(conv.assigned_at).max(row.keep.answered_at);
        let hours = self.s.rules().hours_of(conv);
        let took = start.map_or(0, |at| crate::open_between(hours, at, now));
        self.edit_agent(agent, |a| {
            let before = a.keep.reply_ms.unwrap_or(took);
            a.keep.reply_ms = Some(before.saturating_mul(3).saturating_add(took) / 4);
            a.keep.answered_at = Some(now);
        });
    }

    /// Row 9. The reply transaction has judged the ten seconds; here it is only seen whether ownership can return.
    fn late_reply(&mut self, conv: ConversationId, agent: AgentId, seen: Epoch) -> Answer {
        self.works(agent);
        self.alive = Some(agent);
        let Some(old) = self.s.conv(conv).cloned() else {
            return refused(Refusal::NotLive);
        };
        let answered = nothing_owed(&old);
        let possible = old.keep.previous == Some(agent) && old.keep.answers == 0 && seen < old.epoch;
        if !possible || old.owner == Some(agent) {
            self.put(answered);
            return refused(Refusal::TooLate);
        }
        let load = self.s.agent(agent).map_or(0, |a| a.load);
        let most = self.s.hard_cap_in(agent, old.group);
        if let Some(cap) = most.filter(|cap| load >= *cap) {
            self.put(answered);
            return Answer::HardCap { load, cap };
        }
        let mut row = self.owned(&answered, agent, Origin::Returned);
        row.keep.answers = 1;
        row.keep.previous = None;
        row.round = 0;
        row.missed.clear();
        self.allow(agent, most);
        self.decide(&old, &row, Act::Return, Reason::LateReply, Funnel::default());
        self.mark_reason(conv, Reason::LateReply);
        if let Some(from) = old.owner {
            self.notices.push(Notice::LateReply {
                conversation: conv,
                returned_to: agent,
                from,
            });
        }
        self.put(row);
        self.over_limit(conv, agent);
        self.ok(conv)
    }

    /// Row 7: the same owner has a fresh, full time; it is no miss.
    fn send_failed(&mut self, conv: ConversationId, agent: AgentId, anchor: Option<Ms>) -> Answer {
        let Some(old) = self.s.conv(conv).cloned() else {
            return refused(Refusal::NotLive);
        };
        self.notices.push(Notice::SendFailed {
            conversation: conv,
            agent,
        });
        let Some(anchor) = anchor else {
            return self.ok(conv);
        };
        let mut row = ConvRow {
            anchor: Some(old.anchor.map_or(anchor, |a| a.min(anchor))),
            ..old.clone()
        };
        if row.place == Place::Held {
            if old.owner == Some(agent) && old.keep.answers == 1 {
                row.keep.answers = 0;
            }
            if row.phase == Some(Phase::Answered) {
                row.phase = Some(Phase::Unanswered);
            }
            // Only for the owner who answered does the time begin again; another's clock runs on.
            let runs_on = old.rotate_at.filter(|_| old.owner != Some(agent));
            row.rotate_at = runs_on.or_else(|| self.clock_from(&row, self.now()));
        }
        if row.rotate_at.is_some() && row.rotate_at != old.rotate_at {
            self.decide(&old, &row, Act::Rearm, Reason::SendFailed, Funnel::default());
        }
        self.put(row);
        self.ok(conv)
    }

    /// Row 5: typing just before the deadline gives half of the time again, once per ownership.
    fn typing(&mut self, conv: ConversationId, agent: AgentId) -> Answer {
        let Some(old) = self.s.conv(conv).cloned() else {
            return refused(Refusal::NotLive);
        };
        if old.owner != Some(agent) {
            return refused(Refusal::NotOwner);
        }
        self.works(agent);
        let fresh = old
            .rotate_at
            .filter(|at| at.since(self.now()) < crate::defaults::TYPING_FRESH_MS);
        if let Some(at) = fresh.filter(|_| !old.keep.extended) {
            self.extend(&old, at, |by_ms| Reason::Typing { by_ms });
        }
        self.ok(conv)
    }

    /// Half of the time again, but not more than the grace; false when there is none.
    fn extend(&mut self, old: &ConvRow, at: Ms, reason: impl Fn(i64) -> Reason) -> bool {
        let policy = self.s.rules().policy_of(old);
        let half = policy.answer_ms(old.round).unwrap_or_default() / 2;
        let by_ms = half.min(i64::from(policy.typing_grace_seconds) * 1_000);
        if by_ms > 0 {
            let mut row = ConvRow {
                rotate_at: crate::add_open(self.s.rules().hours_of(old), at, by_ms),
                ..old.clone()
            };
            row.keep.extended = true;
            self.decide(old, &row, Act::Extend, reason(by_ms), Funnel::default());
            self.put(row);
        }
        by_ms > 0
    }

    /// Row 5, asked for: "I am on it" uses the same one extension, at any time while the clock runs.
    fn extended(&mut self, conv: ConversationId, agent: AgentId, seen: Option<Epoch>) -> Answer {
        let old = match self.target(conv, seen, None) {
            Ok(row) => row,
            Err(answer) => return answer,
        };
        if old.owner != Some(agent) {
            return refused(Refusal::NotOwner);
        }
        let Some(at) = old.rotate_at else {
            return refused(Refusal::NoClock);
        };
        if old.keep.extended {
            return refused(Refusal::Extended);
        }
        self.life(agent);
        if self.extend(&old, at, |by_ms| Reason::Asked { by_ms }) {
            self.ok(conv)
        } else {
            refused(Refusal::Extended)
        }
    }

    fn parked(&mut self, conv: ConversationId) -> Answer {
        let Some(mut row) = self.s.conv(conv).cloned().filter(|c| c.place == Place::Held) else {
            return refused(Refusal::NotLive);
        };
        row.phase = Some(Phase::Parked);
        row.rotate_at = None;
        row.keep.overdue = false;
        self.put(row);
        self.ok(conv)
    }

    /// Row 26: it stays with its owner, unless they hold more than the hard cap.
    fn woken(&mut self, conv: ConversationId) -> Answer {
        let Some(old) = self.s.conv(conv).cloned().filter(|c| c.place == Place::Held) else {
            return refused(Refusal::NotLive);
        };
        if old.phase != Some(Phase::Parked) {
            return self.ok(conv);
        }
        let owner = old.owner.unwrap_or(AgentId(0));
        let load = self.s.agent(owner).map_or(0, |a| a.load);
        let policy = self.s.rules().policy_of(&old);
        let (enabled, hold) = (policy.enabled, policy.affinity.full_seconds);
        if enabled && self.s.hard_cap_in(owner, old.group).is_some_and(|cap| load > cap) {
            let until = self.now().plus(i64::from(hold) * 1_000);
            let mut row = self.unowned(&old);
            row.reserved_for = Some(owner);
            row.reserved_until = Some(until);
            row.keep.origin = Some(Origin::Returned);
            row.missed.retain(|a| *a != owner);
            let reason = Reason::KeptFor { agent: owner, until };
            self.decide(&old, &row, Act::Requeue, reason, Funnel::default());
            self.put(row);
            return self.ok(conv);
        }
        let mut row = old;
        row.phase = Some(if row.anchor.is_some() {
            Phase::Unanswered
        } else {
            Phase::Answered
        });
        row.rotate_at = self.clock_from(&row, self.now());
        self.put(row);
        self.ok(conv)
    }

    fn closed(
        &mut self,
        conv: ConversationId,
        by: Option<AgentId>,
        seen: Option<Epoch>,
        reason: CloseReason,
        arrival: Option<&Arrival>,
    ) -> Answer {
        let old = match self.target(conv, seen, arrival) {
            Ok(row) => row,
            Err(answer) => return answer,
        };
        if let Some(owed_since) = old.anchor {
            self.notices.push(Notice::ClosedUnanswered {
                conversation: conv,
                owner: old.owner,
                owed_since,
            });
        }
        let row = self.leave(&old, Place::Closed);
        let why = Reason::Closed {
            by,
            reason,
            owed_since: old.anchor,
        };
        self.decide(&old, &row, Act::Close, why, Funnel::default());
        self.mark_closed(conv, reason);
        self.freed_by(&old, by);
        self.put(row.clone());
        Answer::Ok {
            epoch: Some(row.epoch),
            owner: None,
        }
    }

    fn returned_to_bot(&mut self, conv: ConversationId, by: AgentId, seen: Option<Epoch>) -> Answer {
        let old = match self.target(conv, seen, None) {
            Ok(row) => row,
            Err(answer) => return answer,
        };
        let row = self.leave(&old, Place::Bot);
        self.decide(
            &old,
            &row,
            Act::ReturnToBot,
            Reason::ReturnedToBot { by },
            Funnel::default(),
        );
        self.freed_by(&old, Some(by));
        self.put(row.clone());
        Answer::Ok {
            epoch: Some(row.epoch),
            owner: None,
        }
    }

    /// An owner who frees a slot shows life (row 10).
    fn freed_by(&mut self, old: &ConvRow, by: Option<AgentId>) {
        if let Some(agent) = by.filter(|_| by == old.owner) {
            self.life(agent);
            self.alive = by;
        }
    }

    /// The row as it leaves the engine; the caller puts it.
    pub fn leave(&self, old: &ConvRow, place: Place) -> ConvRow {
        let mut row = ConvRow {
            place,
            waiting_since: None,
            ..self.unowned(old)
        };
        row.keep.previous = None;
        row.round = 0;
        row.missed.clear();
        row.moves = 0;
        row.transfers = 0;
        row.keep = crate::row::ConvKeep::default();
        row
    }
}

/// The row of a conversation whose customer has just been answered.
fn nothing_owed(old: &ConvRow) -> ConvRow {
    let mut row = ConvRow {
        anchor: None,
        ..old.clone()
    };
    if row.place == Place::Held {
        row.phase = Some(Phase::Answered);
        row.rotate_at = None;
        row.keep.overdue = false;
    }
    row
}
