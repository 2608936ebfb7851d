//! The assignment policy: data, with the two model configurations as values of it.

use crate::defaults as d;
use ronda_domain::{AgentId, GroupId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The two documented model configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    Sales,
    Support,
}

/// Who may receive, by presence. Independent of the exclusion list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PresenceRule {
    #[default]
    Online,
    Any,
}

/// Which of several candidates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The one whose last assignment is longest ago.
    #[default]
    LeastRecent,
    /// The one with the lowest share of their limit in use.
    MostSpare,
    /// In proportion to the weights of the agents, spread evenly.
    Weighted,
    /// The one with the highest share of their limit in use: one is filled before the next begins.
    FillFirst,
    /// The one with the lowest rank, then the one whose last assignment is longest ago.
    Ranked,
}

/// Which replies the clock demands (row 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyScope {
    /// The first of each ownership.
    #[default]
    FirstReply,
    /// Each time the customer is owed one.
    EveryTurn,
}

/// What moves when an agent is gone (row 56). Not applied under [`PresenceRule::Any`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnGone {
    Keep,
    /// Only what owes a first reply.
    #[default]
    Unanswered,
    /// What owes a first reply, and the others when their customer writes.
    OnCustomerMessage,
    All,
}

/// Pacing of agents who become available (row 23).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct RampRule {
    pub initial: u32,
    /// 0 switches the ramp off.
    pub interval_seconds: u32,
}

impl Default for RampRule {
    fn default() -> Self {
        Self {
            initial: d::RAMP_INITIAL,
            interval_seconds: d::RAMP_INTERVAL_SECONDS,
        }
    }
}

impl RampRule {
    pub(crate) const fn on(self) -> bool {
        self.initial > 0 && self.interval_seconds > 0
    }
}

/// How far manual work and returns may pass the limit (row 26): by `extra` or by `percent` of it, whichever is more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct HardCap {
    pub extra: u32,
    pub percent: u32,
}

impl Default for HardCap {
    fn default() -> Self {
        Self {
            extra: d::HARD_CAP_EXTRA,
            percent: d::HARD_CAP_PERCENT,
        }
    }
}

impl HardCap {
    /// The hard cap over `limit`.
    #[must_use]
    pub fn over(self, limit: u32) -> u32 {
        let share = u64::from(limit) * u64::from(self.percent) / 100;
        let share = u32::try_from(share).unwrap_or(u32::MAX);
        limit.saturating_add(share.max(self.extra))
    }
}

/// How long a conversation is kept for its preferred agent (rows 43, 44).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Affinity {
    pub enabled: bool,
    /// How long it is kept for one who is not there.
    pub absent_seconds: u32,
    /// How long it is kept for one who has no room.
    pub full_seconds: u32,
    /// Strict: it is kept this long whatever they do, and then anybody may have it; none means the times above.
    pub strict_seconds: Option<u32>,
    /// Conversations an agent may hold at once because of affinity (row 47); none means no ceiling.
    pub ceiling: Option<u32>,
}

/// What changes for a conversation that has waited so long (rows 71–73).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Step {
    /// Open time since the step before was entered (since it waits, for the first).
    pub after_seconds: u32,
    /// It no longer asks for skills.
    pub drop_skills: bool,
    /// Members of these groups are asked as well.
    pub add_groups: BTreeSet<GroupId>,
    /// Further head start, in minutes.
    pub raise_minutes: u32,
}

/// What happens when a conversation has waited as long as it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitAction {
    /// All steps at once.
    Widen,
    /// In front of everything that came later than a day before it.
    Raise,
    /// The customer is told that it takes longer.
    #[default]
    TellCustomer,
    /// The customer is offered to be called back.
    OfferCallback,
    /// The customer is offered to leave the matter in writing.
    OfferForm,
    /// Back to the bot.
    ReturnToBot,
}

impl WaitAction {
    /// Whether the customer is told something.
    #[must_use]
    pub const fn speaks(self) -> bool {
        matches!(self, Self::TellCustomer | Self::OfferCallback | Self::OfferForm)
    }
}

/// The longest wait, absolute: since it waits, whatever its steps (row 73). It is never dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct MaxWait {
    /// Open time.
    pub after_seconds: u32,
    pub action: WaitAction,
    /// What the customer is told by the actions that speak to them.
    pub text: Option<String>,
}

impl Default for Affinity {
    fn default() -> Self {
        Self {
            enabled: true,
            absent_seconds: d::AFFINITY_ABSENT_SECONDS,
            full_seconds: d::AFFINITY_FULL_SECONDS,
            strict_seconds: None,
            ceiling: None,
        }
    }
}

/// One version of the assignment policy. The same JSON is stored, sent and edited.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    pub version: i64,
    /// Off: nothing is assigned, rotated or taken away automatically.
    pub enabled: bool,
    /// The model configuration this is, unchanged.
    pub preset: Option<Preset>,
    /// The model configuration it was made from.
    pub based_on: Option<Preset>,
    pub presence: PresenceRule,
    pub excluded: BTreeSet<AgentId>,
    /// Conversations an agent may hold by automatic assignment; none means unlimited.
    pub limit: Option<u32>,
    /// Time to answer; none means no rotation.
    pub reassign_seconds: Option<u32>,
    pub scope: ReplyScope,
    pub strategy: Strategy,
    pub rounds: u8,
    pub backoff_percent: u32,
    pub typing_grace_seconds: u32,
    pub ramp: RampRule,
    pub hard_cap: HardCap,
    pub on_gone: OnGone,
    pub gone_grace_seconds: u32,
    pub affinity: Affinity,
    pub max_transfers: u32,
    /// Deadlines without any sign of life after which an agent gets nothing new for a while (row 15); 0 = never.
    pub strikes: u8,
    /// How long that is under [`PresenceRule::Any`]; otherwise they are marked away.
    pub cool_down_seconds: u32,
    pub max_backlog_age_seconds: u32,
    /// What changes as a conversation waits, in order.
    pub steps: Vec<Step>,
    pub max_wait: Option<MaxWait>,
    /// Open time after the rounds are used up, and after each level, until the next level is told.
    pub escalation_seconds: Vec<u32>,
}

impl Default for Policy {
    /// What a new workspace starts with: nothing automatic yet, and the settings of Support.
    fn default() -> Self {
        Self {
            version: 0,
            enabled: false,
            preset: None,
            based_on: None,
            presence: PresenceRule::Online,
            excluded: BTreeSet::new(),
            limit: Some(d::SUPPORT_LIMIT),
            reassign_seconds: Some(d::SUPPORT_REASSIGN_SECONDS),
            scope: ReplyScope::FirstReply,
            strategy: Strategy::MostSpare,
            rounds: d::ROUNDS,
            backoff_percent: d::BACKOFF_PERCENT,
            typing_grace_seconds: d::TYPING_GRACE_SECONDS,
            ramp: RampRule::default(),
            hard_cap: HardCap::default(),
            on_gone: OnGone::Unanswered,
            gone_grace_seconds: d::GONE_GRACE_SECONDS,
            affinity: Affinity::default(),
            max_transfers: d::MAX_TRANSFERS,
            strikes: d::STRIKES,
            cool_down_seconds: d::COOL_DOWN_SECONDS,
            max_backlog_age_seconds: d::MAX_BACKLOG_AGE_SECONDS,
            steps: Vec::new(),
            max_wait: None,
            escalation_seconds: d::ESCALATION_SECONDS.to_vec(),
        }
    }
}

impl Policy {
    /// Sales (Ventas): unlimited, all agents, one minute.
    #[must_use]
    pub fn sales() -> Self {
        Self {
            enabled: true,
            preset: Some(Preset::Sales),
            based_on: Some(Preset::Sales),
            presence: PresenceRule::Any,
            limit: None,
            reassign_seconds: Some(d::SALES_REASSIGN_SECONDS),
            strategy: Strategy::LeastRecent,
            ..Self::default()
        }
    }

    /// Support (Soporte): ten at a time, only online agents, ten minutes.
    #[must_use]
    pub fn support() -> Self {
        Self {
            enabled: true,
            preset: Some(Preset::Support),
            based_on: Some(Preset::Support),
            presence: PresenceRule::Online,
            limit: Some(d::SUPPORT_LIMIT),
            reassign_seconds: Some(d::SUPPORT_REASSIGN_SECONDS),
            strategy: Strategy::MostSpare,
            ..Self::default()
        }
    }

    /// Open time to answer in round `round` (0, 1, …), in milliseconds; none without rotation.
    #[must_use]
    pub fn answer_ms(&self, round: u8) -> Option<i64> {
        let mut ms = i64::from(self.reassign_seconds?) * 1_000;
        for _ in 0..round.min(d::MAX_ROUNDS) {
            ms = ms.saturating_mul(i64::from(self.backoff_percent)) / 100;
        }
        Some(ms)
    }

    /// What is wrong or remarkable about this policy in `world`.
    #[must_use]
    pub fn validate(&self, world: &World) -> Vec<Finding> {
        let mut found = Vec::new();
        let mut add = |code, severity, count| {
            found.push(Finding {
                code,
                severity,
                count,
                moves: None,
            });
        };
        if self
            .reassign_seconds
            .is_some_and(|s| s < d::REASSIGN_SECONDS.0 || s > d::REASSIGN_SECONDS.1)
        {
            add(
                FindingCode::ReassignOutOfRange,
                Severity::Error,
                self.reassign_seconds.unwrap_or_default(),
            );
        }
        if self.limit.is_some_and(|l| l < d::LIMIT.0 || l > d::LIMIT.1) {
            add(
                FindingCode::LimitOutOfRange,
                Severity::Error,
                self.limit.unwrap_or_default(),
            );
        }
        if self.rounds == 0 || self.rounds > d::MAX_ROUNDS {
            add(FindingCode::RoundsOutOfRange, Severity::Error, u32::from(self.rounds));
        }
        if self.backoff_percent < 100 || self.backoff_percent > d::MAX_BACKOFF_PERCENT {
            add(FindingCode::BackoffOutOfRange, Severity::Error, self.backoff_percent);
        }
        if self.strikes > d::MAX_STRIKES {
            add(FindingCode::StrikesOutOfRange, Severity::Error, u32::from(self.strikes));
        }
        if self.strikes > 0 && !(1..=d::REASSIGN_SECONDS.1).contains(&self.cool_down_seconds) {
            add(FindingCode::CoolDownOutOfRange, Severity::Error, self.cool_down_seconds);
        }
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let outside = self.out_of_range().len();
        if outside > 0 {
            add(FindingCode::ValueOutOfRange, Severity::Error, count(outside));
        }
        let too_long = |s: u32| s == 0 || s > d::REASSIGN_SECONDS.1;
        if self.steps.len() > d::MAX_STEPS {
            add(FindingCode::TooManySteps, Severity::Error, count(self.steps.len()));
        }
        let wrong = |s: &&Step| too_long(s.after_seconds) || s.raise_minutes > d::MAX_PRIORITY_MINUTES;
        let wrong_steps = self.steps.iter().filter(wrong).count();
        if wrong_steps > 0 {
            add(FindingCode::StepOutOfRange, Severity::Error, count(wrong_steps));
        }
        if let Some(longest) = &self.max_wait {
            if too_long(longest.after_seconds) {
                add(FindingCode::MaxWaitOutOfRange, Severity::Error, longest.after_seconds);
            }
            let silent = longest.text.as_ref().is_none_or(|t| t.trim().is_empty());
            if longest.action.speaks() && silent {
                add(FindingCode::WaitTextMissing, Severity::Error, 0);
            }
            let steps = self.steps.iter().map(|s| s.after_seconds).fold(0, u32::saturating_add);
            if steps > longest.after_seconds {
                add(FindingCode::StepsAfterMaxWait, Severity::Warning, steps);
            }
        }
        let eligible = world.agents.iter().filter(|a| !self.excluded.contains(a)).count();
        if self.enabled && world.agents.is_empty() {
            add(FindingCode::NoAgents, Severity::Warning, 0);
        } else if self.enabled && eligible == 0 {
            add(
                FindingCode::EverybodyExcluded,
                Severity::Confirm,
                count(world.agents.len()),
            );
        } else if self.enabled && eligible == 1 && self.reassign_seconds.is_some() {
            add(FindingCode::NobodyToRotateTo, Severity::Warning, 1);
        }
        let fast = self.reassign_seconds.is_some_and(|s| s <= d::SALES_REASSIGN_SECONDS);
        let small = self.enabled && self.limit.is_none() && fast && (2..=3).contains(&eligible);
        if small {
            add(FindingCode::FastUnlimitedSmallTeam, Severity::Warning, count(eligible));
        }
        let strangers = self
            .excluded
            .iter()
            .filter(|a| world.agents.binary_search(a).is_err() && world.others.binary_search(a).is_err())
            .count();
        if strangers > 0 {
            add(FindingCode::ExcludedUnknown, Severity::Info, count(strangers));
        }
        if small && let Some(finding) = found.iter_mut().find(|f| f.code == FindingCode::FastUnlimitedSmallTeam) {
            finding.moves = Some(self.moves_in_an_hour(count(eligible)));
        }
        found
    }

    /// The numbers outside of what may be set, by JSON pointer, that have no finding of their own.
    #[must_use]
    pub fn out_of_range(&self) -> Vec<&'static str> {
        let (ramp, cap, affinity) = (self.ramp, self.hard_cap, self.affinity);
        let values = [
            (
                "/typing_grace_seconds",
                Some(self.typing_grace_seconds),
                d::TYPING_GRACE_RANGE,
            ),
            ("/ramp/initial", Some(ramp.initial), d::RAMP_INITIAL_RANGE),
            (
                "/ramp/interval_seconds",
                Some(ramp.interval_seconds),
                d::RAMP_INTERVAL_RANGE,
            ),
            ("/hard_cap/extra", Some(cap.extra), d::HARD_CAP_EXTRA_RANGE),
            ("/hard_cap/percent", Some(cap.percent), d::HARD_CAP_PERCENT_RANGE),
            (
                "/gone_grace_seconds",
                Some(self.gone_grace_seconds),
                d::GONE_GRACE_RANGE,
            ),
            (
                "/affinity/absent_seconds",
                Some(affinity.absent_seconds),
                d::AFFINITY_HOLD_RANGE,
            ),
            (
                "/affinity/full_seconds",
                Some(affinity.full_seconds),
                d::AFFINITY_HOLD_RANGE,
            ),
            (
                "/affinity/strict_seconds",
                affinity.strict_seconds,
                d::AFFINITY_STRICT_RANGE,
            ),
            ("/affinity/ceiling", affinity.ceiling, d::AFFINITY_CEILING_RANGE),
            ("/max_transfers", Some(self.max_transfers), d::MAX_TRANSFERS_RANGE),
            (
                "/max_backlog_age_seconds",
                Some(self.max_backlog_age_seconds),
                d::MAX_BACKLOG_AGE_RANGE,
            ),
        ];
        let outside =
            |(_, value, (least, most)): &(_, Option<u32>, (u32, u32))| value.is_some_and(|v| v < *least || v > *most);
        values
            .into_iter()
            .filter(outside)
            .map(|(pointer, ..)| pointer)
            .collect()
    }

    /// How often a conversation that nobody answers changes hands in its first hour, among `agents`.
    #[must_use]
    pub fn moves_in_an_hour(&self, agents: u32) -> u32 {
        let (mut passed, mut moves) = (0_i64, 0);
        for round in 0..self.rounds {
            for _ in 0..agents {
                passed = passed.saturating_add(self.answer_ms(round).unwrap_or(i64::MAX).max(1_000));
                if passed > 3_600_000 {
                    return moves;
                }
                moves += 1;
            }
        }
        moves
    }
}

/// What a policy is judged against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct World {
    /// Active agents, ascending.
    pub agents: Vec<AgentId>,
    /// Active agents whom the policy does not concern, because it is that of a group of others; ascending.
    pub others: Vec<AgentId>,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Info,
    Warning,
    /// May be saved only when confirmed.
    Confirm,
    /// May not be saved.
    Error,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingCode {
    ReassignOutOfRange,
    LimitOutOfRange,
    RoundsOutOfRange,
    BackoffOutOfRange,
    StrikesOutOfRange,
    CoolDownOutOfRange,
    /// `count` other numbers are not what may be set ([`Policy::out_of_range`]).
    ValueOutOfRange,
    TooManySteps,
    /// `count` steps have a wrong time or head start.
    StepOutOfRange,
    MaxWaitOutOfRange,
    /// The longest wait ends in words to the customer, and there are none.
    WaitTextMissing,
    /// The steps take `count` seconds, longer than the longest wait.
    StepsAfterMaxWait,
    NoAgents,
    EverybodyExcluded,
    NobodyToRotateTo,
    /// "One minute, unlimited, three agents."
    FastUnlimitedSmallTeam,
    ExcludedUnknown,
    /// `count` waiting conversations are older than the threshold (row 70).
    OldBacklog,
}

/// One finding about a policy; `count` is the number it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub code: FindingCode,
    pub severity: Severity,
    pub count: u32,
    /// How often a conversation that nobody answers would change hands in its first hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moves: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_the_documented_data() {
        let (sales, support) = (Policy::sales(), Policy::support());
        assert_eq!(
            (sales.limit, sales.presence, sales.reassign_seconds),
            (None, PresenceRule::Any, Some(60))
        );
        assert_eq!(
            (support.limit, support.presence, support.reassign_seconds),
            (Some(10), PresenceRule::Online, Some(600))
        );
        assert_eq!(
            (sales.strategy, support.strategy),
            (Strategy::LeastRecent, Strategy::MostSpare)
        );
        assert!(sales.excluded.is_empty() && support.excluded.is_empty() && sales.enabled && support.enabled);
    }

    #[test]
    fn defaults_are_pinned() {
        let p = Policy::default();
        assert_eq!((p.rounds, p.backoff_percent, p.typing_grace_seconds), (3, 200, 60));
        assert_eq!((p.ramp.initial, p.ramp.interval_seconds), (3, 60));
        assert_eq!((p.hard_cap.extra, p.hard_cap.percent), (2, 20));
        assert_eq!(
            (p.on_gone, p.gone_grace_seconds, p.max_transfers),
            (OnGone::Unanswered, 120, 5)
        );
        assert_eq!((p.affinity.absent_seconds, p.affinity.full_seconds), (0, 60));
        assert_eq!(p.max_backlog_age_seconds, 86_400);
        assert_eq!((p.affinity.strict_seconds, p.affinity.ceiling), (None, None));
        assert_eq!((p.steps.len(), p.max_wait.is_none()), (0, true));
        assert_eq!(p.escalation_seconds, [300, 900]);
        assert_eq!(
            (d::MAX_PRIORITY_MINUTES, d::MAX_STEPS, d::AFFINITY_STRICT_SECONDS),
            (1_440, 10, 3_600)
        );
        assert_eq!(
            (d::WINDOW_STEPS, d::ROTATION_PAUSE_SECONDS),
            ([(240, 60), (120, 240), (60, 1_440)], 3_600)
        );
        assert_eq!((p.strikes, p.cool_down_seconds), (2, 600));
        assert_eq!(d::COOL_DOWN_LONGEST_SECONDS, 3_600);
        assert_eq!((d::LIFE_FRESH_MS, d::WEIGHT, d::MAX_STRIKES), (300_000, (1, 20), 20));
        assert!((d::WEIGHT.0..=d::WEIGHT.1).all(|w| d::TURN_UNITS.is_multiple_of(2 * u64::from(w))));
        assert_eq!(
            (d::TYPING_FRESH_MS, d::LATE_REPLY_MS, d::AMNESTY_GAP_MS),
            (10_000, 10_000, 30_000)
        );
        assert_eq!((d::REASSIGN_SECONDS, d::LIMIT), ((15, 86_400), (1, 200)));
        assert_eq!((d::REENTER_PER_PROOF, d::NOMINAL_LIMIT, d::FINALISTS), (1, 200, 3));
    }

    #[test]
    fn a_policy_stored_before_a_field_existed_is_read_with_its_default() {
        let old: Policy = serde_json::from_str(r#"{"version":3,"enabled":true,"limit":4}"#).expect("it is readable");
        assert_eq!((old.limit, old.strikes, old.cool_down_seconds), (Some(4), 2, 600));
    }

    #[test]
    fn the_time_to_answer_grows_by_round() {
        let sales = Policy::sales();
        assert_eq!(
            [0, 1, 2].map(|r| sales.answer_ms(r)),
            [Some(60_000), Some(120_000), Some(240_000)]
        );
    }

    #[test]
    fn the_hard_cap_is_the_larger_of_both_rules() {
        let cap = HardCap::default();
        assert_eq!([0, 1, 5, 10, 15, 200].map(|l| cap.over(l)), [2, 3, 7, 12, 18, 240]);
    }

    #[test]
    fn every_number_has_a_smallest_and_a_largest_value() {
        assert_eq!(Policy::sales().out_of_range(), [""; 0]);
        assert_eq!(Policy::support().out_of_range(), [""; 0]);
        // A number that is added without a range is found here.
        let mut rows = serde_json::to_value(Policy {
            max_wait: Some(MaxWait {
                text: Some("Ya va".into()),
                ..MaxWait::default()
            }),
            steps: vec![Step::default()],
            ..Policy::support()
        })
        .expect("it is written");
        let mut numbers = Vec::new();
        enlarge("", &mut rows, &mut numbers);
        let policy: Policy = serde_json::from_value(rows).expect("it is read");
        let errors = policy.validate(&World::default()).into_iter();
        let errors = errors.filter(|f| f.severity == Severity::Error);
        let told: u32 = errors
            .map(|f| match f.code {
                FindingCode::ValueOutOfRange => f.count,
                FindingCode::StepOutOfRange => 2,
                _ => 1,
            })
            .sum();
        assert_eq!(told as usize, numbers.len(), "{numbers:?}");
    }

    /// Makes every number too large but the version and the levels of the escalation, which the server judges.
    fn enlarge(at: &str, value: &mut serde_json::Value, found: &mut Vec<String>) {
        use serde_json::Value;
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match name.as_str() {
                        "version" | "escalation_seconds" => {}
                        "strict_seconds" | "ceiling" => {
                            *value = 4_000_000_000_u32.into();
                            found.push(format!("{at}/{name}"));
                        }
                        name => enlarge(&format!("{at}/{name}"), value, found),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| enlarge(at, item, found)),
            Value::Number(_) => {
                let small = at == "/rounds" || at == "/strikes";
                *value = if small { 255_u32 } else { 4_000_000_000_u32 }.into();
                found.push(at.to_owned());
            }
            _ => {}
        }
    }

    #[test]
    fn findings_name_what_is_wrong() {
        let world = World {
            agents: vec![AgentId(1), AgentId(2), AgentId(3)],
            others: vec![AgentId(4)],
        };
        let codes = |p: &Policy| p.validate(&world).iter().map(|f| f.code).collect::<Vec<_>>();
        assert_eq!(codes(&Policy::support()), []);
        assert_eq!(codes(&Policy::sales()), [FindingCode::FastUnlimitedSmallTeam]);
        let moves = Policy::sales().validate(&world).first().and_then(|f| f.moves);
        assert_eq!(
            moves,
            Some(9),
            "three rounds of three in 21 minutes, then nobody is left"
        );
        let waits = Policy {
            max_wait: Some(MaxWait {
                after_seconds: 60,
                ..MaxWait::default()
            }),
            steps: vec![Step {
                after_seconds: 90,
                ..Step::default()
            }],
            ..Policy::support()
        };
        assert_eq!(
            codes(&waits),
            [FindingCode::WaitTextMissing, FindingCode::StepsAfterMaxWait]
        );
        let excluding = |agent| Policy {
            excluded: [AgentId(agent)].into(),
            ..Policy::support()
        };
        assert_eq!(codes(&excluding(4)), [], "of another group");
        assert_eq!(codes(&excluding(9)), [FindingCode::ExcludedUnknown]);
        let all = world.agents.iter().copied().collect();
        assert_eq!(
            codes(&Policy {
                excluded: all,
                ..Policy::support()
            }),
            [FindingCode::EverybodyExcluded]
        );
        let wrong = Policy {
            limit: Some(0),
            reassign_seconds: Some(0),
            rounds: 0,
            backoff_percent: 1,
            ..Policy::support()
        };
        assert_eq!(
            wrong
                .validate(&world)
                .iter()
                .filter(|f| f.severity == Severity::Error)
                .count(),
            4
        );
    }
}
