import type { Agent, Policy } from '@/api/types';
import { describe, expect, it } from 'vitest';
import { changes, edit, effective, forAll, inherits, next, outOfRange, owns, remodelled, sameGroups, seats, stage, timeline, whoOf, withPreset } from './policy';

const policy: Policy = {
  version: 1,
  enabled: true,
  preset: null,
  based_on: null,
  presence: 'online',
  excluded: [],
  limit: 3,
  reassign_seconds: 30,
  scope: 'first_reply',
  strategy: 'least_recent',
  rounds: 3,
  backoff_percent: 200,
  typing_grace_seconds: 60,
  ramp: { initial: 3, interval_seconds: 60 },
  hard_cap: { extra: 2, percent: 20 },
  on_gone: 'unanswered',
  gone_grace_seconds: 120,
  affinity: { enabled: true, absent_seconds: 0, full_seconds: 60, strict_seconds: null, ceiling: null },
  max_transfers: 5,
  strikes: 2,
  cool_down_seconds: 600,
  max_backlog_age_seconds: 86_400,
  steps: [],
  max_wait: null,
  escalation_seconds: [300, 900],
};
const agent = (id: number, change: Partial<Agent> = {}): Agent => ({
  id,
  name: `a${id}`,
  public_name: '',
  role: 'agent',
  state: 'online',
  chosen: 'online',
  since: 0,
  groups: [],
  load: 0,
  owed: 0,
  background: false,
  by_push: false,
  at_limit: false,
  ...change,
});

describe('the three settings', () => {
  it('cp_11_7_presets_are_the_documented_values', () => {
    const sales = withPreset(policy, 'sales');
    expect([sales.limit, sales.presence, sales.reassign_seconds]).toEqual([null, 'any', 60]);
    const support = withPreset(policy, 'support');
    expect([support.limit, support.presence, support.reassign_seconds]).toEqual([10, 'online', 600]);
  });

  it('a_preset_keeps_the_exclusion_list_and_the_list_keeps_the_preset', () => {
    const sales = edit(withPreset({ ...policy, excluded: [4] }, 'sales'), { excluded: [4, 5] });
    expect([sales.preset, sales.excluded, whoOf(sales)]).toEqual(['sales', [4, 5], 'some']);
  });

  it('any_later_change_is_own_values_from_that_preset', () => {
    const own = edit(withPreset(policy, 'sales'), { reassign_seconds: 90 });
    expect([own.preset, own.based_on]).toEqual([null, 'sales']);
    expect(changes(withPreset(policy, 'sales'), own)).toEqual(['reassign_seconds']);
  });
});

describe('the round', () => {
  const team = [agent(1), agent(2, { load: 3 }), agent(3, { state: 'away' }), agent(4)];

  it('says_why_somebody_does_not_receive', () => {
    expect(seats({ ...policy, excluded: [4] }, team).map((seat) => seat.out)).toEqual([null, 'full', 'not_online', 'excluded']);
  });

  it('the_one_whose_turn_is_longest_ago_is_next', () => {
    const list = seats(policy, team);
    expect(next(policy, list, new Map([[1, 5]]), new Map())?.id).toBe(4);
    expect(next(policy, list, new Map(), new Map(), 1)?.id).toBe(4);
    expect(next({ ...policy, strategy: 'most_spare' }, list, new Map(), new Map([[1, 2]]))?.id).toBe(4);
  });
});

describe('values of groups', () => {
  it('a group inherits what it has not of its own, and says of itself only that', () => {
    const own = owns({}, policy, { ...policy, reassign_seconds: 90 });
    expect(own).toEqual({ reassign_seconds: 90 });
    expect(effective({ ...policy, limit: 7 }, own)).toMatchObject({ reassign_seconds: 90, limit: 7 });
    expect(effective(policy, undefined)).toBe(policy);
    expect(inherits({ ...own, limit: 2 }, 'reassign_seconds')).toEqual({ limit: 2 });
  });

  it('groups without anything of their own do not count as a change', () => {
    expect(sameGroups({ 4: {} }, {})).toBe(true);
    expect(sameGroups({ 4: { limit: 2 } }, { 4: { limit: 3 } })).toBe(false);
  });
});

describe('the wait', () => {
  it('steps count from the one before, the longest wait from the beginning', () => {
    const step = { after_seconds: 60, drop_skills: true, add_groups: [], raise_minutes: 0 };
    const points = timeline({ steps: [step, { ...step, after_seconds: 90 }], max_wait: { after_seconds: 120, action: 'widen', text: null } });
    expect(points.map((point) => [point.at, point.kind])).toEqual([
      [60, 'step'],
      [120, 'longest'],
      [150, 'step'],
    ]);
    expect(timeline({ steps: [], max_wait: null })).toEqual([]);
  });
});

describe('what cannot be saved', () => {
  const check = (change: Partial<Policy>, groups: Parameters<typeof outOfRange>[1], out: (number | null)[]) => expect(outOfRange({ ...policy, ...change }, groups)).toEqual(out);

  it('is_found_in_every_scope_and_told_once', () => {
    check({}, { 1: { limit: 5 } }, []);
    check({}, { 1: { limit: 500 }, 2: { reassign_seconds: 3 } }, [1, 2]);
    check({ limit: 500 }, { 1: { reassign_seconds: 60 }, 2: { limit: 5 }, 3: {} }, [null]);
  });

  it('a_model_put_together_of_two_edits_is_one_only_if_its_settings_are', () => {
    expect(remodelled(withPreset(policy, 'support')).preset).toBe('support');
    expect(remodelled({ ...withPreset(policy, 'support'), limit: 4 }).preset).toBeNull();
  });
});

describe('a roll-out by groups', () => {
  it('begins with some groups and ends for all, without a trace', () => {
    const next = { ...policy, reassign_seconds: 90, limit: 7 };
    const begun = stage(policy, next, { 5: { limit: 2 } }, [4, 5]);
    expect(begun).toEqual({ 4: { reassign_seconds: 90, limit: 7 }, 5: { reassign_seconds: 90, limit: 7 } });
    const ended = forAll(policy, { ...begun, 6: { limit: 1 } }, begun[4] ?? {});
    expect(ended.policy).toMatchObject({ reassign_seconds: 90, limit: 7 });
    expect(ended.groups).toEqual({ 6: { limit: 1 } });
  });
});
