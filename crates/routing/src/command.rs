//! Manual work: take, transfer, decline. The epoch a person saw decides who was faster (row 28).

use crate::decision::{Act, Funnel, Reason};
use crate::fact::{Fact, Target};
use crate::index::Rules;
use crate::outcome::{Answer, Refusal};
use crate::policy::PresenceRule;
use crate::row::{ConvRow, Origin};
use crate::work::{Work, ascending, asked_anew};
use ronda_domain::conversation::Place;
use ronda_domain::{AgentId, ChannelAccountId, GroupId, Ms, SkillId};

const fn refuse<T>(code: Refusal) -> Result<T, Answer> {
    Err(Answer::Refused { code })
}

/// What a transfer may do.
struct Transfer<'a> {
    by: AgentId,
    to: Target,
    deferred_until: Option<Ms>,
    needs: Option<&'a [SkillId]>,
    manage_others: bool,
    may_exceed: bool,
    return_unanswered: bool,
}

impl Work<'_> {
    /// Takes, transfers and declines.
    pub fn command(&mut self, fact: &Fact) -> Answer {
        let done = match fact {
            Fact::Taken {
                conv,
                agent,
                seen,
                take_over,
                may_exceed,
                arrival,
            } => {
                let held = self.s.conv(*conv);
                if held.is_some_and(|c| c.owner == Some(*agent)) {
                    return self.ok(*conv);
                }
                let old = self.target(*conv, *seen, arrival.as_ref());
                old.and_then(|old| self.take(&old, *agent, *take_over, *may_exceed))
            }
            Fact::Transferred {
                conv,
                by,
                to,
                seen,
                deferred_until,
                needs,
                manage_others,
                may_exceed,
                return_unanswered,
                arrival,
            } => {
                let transfer = Transfer {
                    by: *by,
                    to: *to,
                    deferred_until: *deferred_until,
                    needs: needs.as_deref(),
                    manage_others: *manage_others,
                    may_exceed: *may_exceed,
                    return_unanswered: *return_unanswered,
                };
                let old = self.target(*conv, *seen, arrival.as_ref());
                old.and_then(|old| self.transfer(&old, &transfer))
            }
            Fact::Declined { conv, agent, seen, why } => {
                let old = self.target(*conv, *seen, None);
                old.and_then(|old| self.decline(&old, *agent, why))
            }
            _ => {
                return Answer::Ok {
                    epoch: None,
                    owner: None,
                };
            }
        };
        match done {
            Ok(row) => Answer::Ok {
                epoch: Some(row.epoch),
                owner: row.owner,
            },
            Err(answer) => answer,
        }
    }

    fn take(&mut self, old: &ConvRow, agent: AgentId, take_over: bool, may_exceed: bool) -> Result<ConvRow, Answer> {
        if old.owner.is_some() && !take_over {
            return Err(Answer::Conflict {
                owner: old.owner,
                epoch: old.epoch,
            });
        }
        self.may_hold(agent, old.channel)?;
        self.fits(agent, old.group, may_exceed)?;
        let row = self.fresh_owner(old, agent, Origin::Taken, &[]);
        let reason = Reason::Taken {
            from: old.place,
            over_limit: self.exceeds(agent, old.group),
        };
        Ok(self.give(old, row, agent, Act::Take, reason))
    }

    fn transfer(&mut self, old: &ConvRow, t: &Transfer<'_>) -> Result<ConvRow, Answer> {
        if old.owner.is_some_and(|o| o != t.by) && !t.manage_others {
            return refuse(Refusal::NotOwner);
        }
        if old.transfers >= self.s.rules().policy_of(old).max_transfers && !t.manage_others {
            return refuse(Refusal::TransferLimit);
        }
        let base = ConvRow {
            transfers: old.transfers.saturating_add(1),
            ..old.clone()
        };
        // Never back to those who gave it away, in this round (rows 52, 53).
        let mut keep_out: Vec<_> = old.owner.into_iter().chain([t.by]).collect();
        keep_out.sort_unstable();
        keep_out.dedup();
        let agent = match t.to {
            Target::Agent(agent) => agent,
            Target::Group(_) | Target::Anyone => {
                let group = if let Target::Group(g) = t.to { Some(g) } else { None };
                if group.is_some_and(|g| !self.s.groups.contains_key(&g)) {
                    return refuse(Refusal::UnknownGroup);
                }
                let mut row = self.unowned(&ConvRow {
                    group,
                    round: 0,
                    missed: keep_out,
                    ..base
                });
                row.keep.previous = None;
                if let Some(needs) = t.needs {
                    row.keep.needs = ascending(needs);
                }
                asked_anew(&mut row);
                let reason = Reason::Transferred {
                    by: t.by,
                    over_limit: false,
                };
                self.decide(old, &row, Act::Transfer, reason, Funnel::default());
                self.put(row.clone());
                return Ok(row);
            }
        };
        if old.owner == Some(agent) {
            return refuse(Refusal::SameAgent);
        }
        keep_out.retain(|a| *a != agent);
        self.may_hold(agent, old.channel)?;
        let policy = self.s.rules().policy_of(old);
        let asks = policy.enabled && policy.presence == PresenceRule::Online;
        if asks && self.s.agent(agent).is_some_and(|a| !a.keep.presence.is_online()) {
            let Some(until) = t.deferred_until else {
                return refuse(Refusal::NotAvailable);
            };
            let mut row = self.unowned(&ConvRow {
                round: 0,
                missed: keep_out,
                ..base
            });
            row.reserved_for = Some(agent);
            row.reserved_until = Some(until);
            row.keep.origin = Some(Origin::Transferred);
            row.keep.previous = None;
            asked_anew(&mut row);
            self.decide(
                old,
                &row,
                Act::Transfer,
                Reason::Deferred { by: t.by, until },
                Funnel::default(),
            );
            self.put(row.clone());
            return Ok(row);
        }
        self.fits(agent, old.group, t.may_exceed)?;
        let mut row = self.fresh_owner(&base, agent, Origin::Transferred, &keep_out);
        row.keep.return_to = Some(t.by).filter(|by| t.return_unanswered && *by != agent);
        let reason = Reason::Transferred {
            by: t.by,
            over_limit: self.exceeds(agent, old.group),
        };
        Ok(self.give(old, row, agent, Act::Transfer, reason))
    }

    /// Row 74: a miss without a strike; ownership leaves at once.
    fn decline(&mut self, old: &ConvRow, agent: AgentId, why: &str) -> Result<ConvRow, Answer> {
        if old.owner != Some(agent) {
            return refuse(Refusal::NotOwner);
        }
        let mut row = self.unowned(old);
        row.keep.previous = None;
        if let Err(at) = row.missed.binary_search(&agent) {
            row.missed.insert(at, agent);
        }
        self.open_round(&mut row, &[agent]);
        let reason = Reason::Declined { why: why.to_owned() };
        self.decide(old, &row, Act::Decline, reason, Funnel::default());
        self.put(row.clone());
        Ok(row)
    }

    /// Whether a person may be given work by hand: exclusion and presence do not matter (row 49).
    fn may_hold(&self, agent: AgentId, channel: ChannelAccountId) -> Result<(), Answer> {
        let Some(row) = self.s.agent(agent) else {
            return refuse(Refusal::UnknownAgent);
        };
        if !row.active || !Rules::may_reply(row, channel) {
            return refuse(Refusal::MayNotReply);
        }
        Ok(())
    }

    /// Whether one more fits by hand: up to the limit, or up to the hard cap for those who may pass it (row 27).
    fn fits(&mut self, agent: AgentId, group: Option<GroupId>, may_exceed: bool) -> Result<(), Answer> {
        let cap = if may_exceed {
            self.s.hard_cap_in(agent, group)
        } else {
            self.s.limit_in(agent, group)
        };
        let load = self.s.agent(agent).map_or(0, |a| a.load);
        if let Some(cap) = cap.filter(|cap| load >= *cap) {
            return Err(Answer::HardCap { load, cap });
        }
        self.allow(agent, cap);
        Ok(())
    }

    fn exceeds(&self, agent: AgentId, group: Option<GroupId>) -> bool {
        let load = self.s.agent(agent).map_or(0, |a| a.load);
        self.s.limit_in(agent, group).is_some_and(|limit| load >= limit)
    }

    /// A new owner by hand begins the rounds again.
    fn fresh_owner(&self, old: &ConvRow, agent: AgentId, origin: Origin, missed: &[AgentId]) -> ConvRow {
        let mut row = self.owned(
            &ConvRow {
                round: 0,
                missed: missed.to_vec(),
                ..old.clone()
            },
            agent,
            origin,
        );
        row.keep.previous = None;
        asked_anew(&mut row);
        row
    }

    fn give(&mut self, old: &ConvRow, row: ConvRow, agent: AgentId, act: Act, reason: Reason) -> ConvRow {
        debug_assert!(row.place == Place::Held, "given to somebody");
        self.decide(old, &row, act, reason.clone(), Funnel::default());
        self.mark_reason(row.conv, reason);
        self.put(row.clone());
        self.over_limit(row.conv, agent);
        row
    }
}
