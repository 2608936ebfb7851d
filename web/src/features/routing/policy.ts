import type { Agent, GroupOverrides, MaxWait, Overrides, Policy, Preset, WaitStep } from '@/api/types';

/** The documented model configurations: limit, presence, time. The rest of a policy stays as it is. */
export const PRESETS: Record<Preset, Pick<Policy, 'presence' | 'limit' | 'reassign_seconds' | 'strategy'>> = {
  sales: { presence: 'any', limit: null, reassign_seconds: 60, strategy: 'least_recent' },
  support: { presence: 'online', limit: 10, reassign_seconds: 600, strategy: 'most_spare' },
};

export const SECONDS = { least: 15, most: 86_400 };
export const LIMIT = { least: 1, most: 200 };
const USUAL_SECONDS = 600;
const USUAL_LIMIT = 10;

/** A model sets presence, limit and time and keeps the exclusion list. */
export function withPreset(policy: Policy, preset: Preset): Policy {
  return { ...policy, ...PRESETS[preset], preset, based_on: preset };
}

/** Own values: the same three settings, remembering the model they came from. */
export function asCustom(policy: Policy): Policy {
  return { ...policy, preset: null };
}

/** A change of a setting; the list of the excluded does not make a model another one. */
export function edit(policy: Policy, change: Partial<Policy>): Policy {
  const next = { ...policy, ...change };
  if (policy.preset === null) return next;
  const model = PRESETS[policy.preset];
  const same = (Object.keys(model) as (keyof typeof model)[]).every((key) => next[key] === model[key]);
  const only = Object.keys(change).every((key) => key === 'excluded' || key === 'enabled');
  return same || only ? next : { ...next, preset: null };
}

/** The policy that a group's conversations are under: the workspace's with the group's own fields in it. */
export function effective(policy: Policy, own: Overrides | undefined): Policy {
  return own && Object.keys(own).length > 0 ? { ...policy, preset: null, based_on: null, ...own } : policy;
}

/** What a group has of its own after `after` was set in place of what it saw before. A field once set stays its own. */
export function owns(own: Overrides, before: Policy, after: Policy): Overrides {
  const changed = changes(before, after);
  return { ...own, ...Object.fromEntries(changed.map((key) => [key, after[key]])) };
}

/** Without one field: it is inherited again. */
export function inherits(own: Overrides, field: keyof Overrides): Overrides {
  return Object.fromEntries(Object.entries(own).filter(([key]) => key !== field));
}

/** Whether two sets of own fields say the same; groups without any do not count. */
export function sameGroups(a: GroupOverrides, b: GroupOverrides): boolean {
  const filled = (groups: GroupOverrides) => JSON.stringify(Object.entries(groups).filter(([, own]) => Object.keys(own).length > 0).sort(([x], [y]) => Number(x) - Number(y)));
  return filled(a) === filled(b);
}

/** What `next` changes, for some groups only: they have it of their own, everybody else stays under `before`. */
export function stage(before: Policy, next: Policy, groups: GroupOverrides, ids: number[]): GroupOverrides {
  const own = Object.fromEntries(changes(before, next).map((key) => [key, next[key]])) as Overrides;
  return { ...groups, ...Object.fromEntries(ids.map((id) => [id, { ...groups[id], ...own }])) };
}

/** What one group has of its own becomes everybody's: groups that have the same inherit it again. */
export function forAll(policy: Policy, groups: GroupOverrides, own: Overrides): { policy: Policy; groups: GroupOverrides } {
  const same = (field: string, value: unknown) => field in own && JSON.stringify(own[field as keyof Overrides]) === JSON.stringify(value);
  const left = Object.entries(groups).map(([id, fields]): [string, Overrides] => [id, Object.fromEntries(Object.entries(fields).filter(([field, value]) => !same(field, value)))]);
  return { policy: edit(policy, own), groups: Object.fromEntries(left.filter(([, fields]) => Object.keys(fields).length > 0)) };
}

/** Put together of two edits it may be no model any more. */
export function remodelled(policy: Policy): Policy {
  return edit(policy, { limit: policy.limit });
}

function inRange({ reassign_seconds: s = null, limit: l = null }: Overrides): boolean {
  return (s === null || (s >= SECONDS.least && s <= SECONDS.most)) && (l === null || (l >= LIMIT.least && l <= LIMIT.most));
}

/** Whose rules cannot be saved: everybody's (`null`), and those of groups for what they have of their own. */
export function outOfRange(policy: Policy, groups: GroupOverrides): (number | null)[] {
  const own = Object.entries(groups).filter(([, fields]) => !inRange(fields));
  return [...(inRange(policy) ? [] : [null]), ...own.map(([id]) => Number(id))];
}

export function switchTime(policy: Policy, on: boolean): Policy {
  const usual = policy.based_on ? PRESETS[policy.based_on].reassign_seconds : USUAL_SECONDS;
  return edit(policy, { reassign_seconds: on ? usual : null });
}

export function switchLimit(policy: Policy, on: boolean): Policy {
  return edit(policy, { limit: on ? USUAL_LIMIT : null });
}

export type Who = 'online' | 'all' | 'some';

/** The three documented choices over two independent rules: presence, and the list of the excluded. */
export function whoOf(policy: Policy): Who {
  return policy.excluded.length > 0 ? 'some' : policy.presence === 'online' ? 'online' : 'all';
}

/** What differs, by the name of the setting, for the bar that saves. */
export function changes(before: Policy, after: Policy): (keyof Policy)[] {
  return (Object.keys(after) as (keyof Policy)[]).filter(
    (key) => !['version', 'preset', 'based_on'].includes(key) && JSON.stringify(before[key]) !== JSON.stringify(after[key]),
  );
}

export interface Seat {
  agent: Agent;
  /** May receive now by the rules; otherwise why not. */
  out: null | 'excluded' | 'not_online' | 'full';
}

/** The team around the table. Loads are the real ones of this moment. */
export function seats(policy: Policy, agents: Agent[], loads: ReadonlyMap<number, number> = new Map()): Seat[] {
  return agents.map((agent) => {
    const limit = agent.limit != null && policy.limit !== null ? Math.min(agent.limit, policy.limit) : policy.limit;
    const load = loads.get(agent.id) ?? agent.load;
    const out = policy.excluded.includes(agent.id)
      ? 'excluded'
      : policy.presence === 'online' && agent.state !== 'online'
        ? 'not_online'
        : limit !== null && load >= limit
          ? 'full'
          : null;
    return { agent, out };
  });
}

/** Who gets the next chat of the simulation; `turns` are the numbers of their last one, small is long ago. */
export function next(
  policy: Policy,
  list: Seat[],
  turns: ReadonlyMap<number, number>,
  loads: ReadonlyMap<number, number>,
  not?: number,
): Agent | null {
  let best: Agent | null = null;
  const turn = (agent: Agent) => turns.get(agent.id) ?? 0;
  // Shares are compared as cross products: 3 of 10 against 1 of 3, without fractions.
  const share = (a: Agent, b: Agent) => (loads.get(a.id) ?? a.load) * (policy.limit ?? 1) - (loads.get(b.id) ?? b.load) * (policy.limit ?? 1);
  for (const { agent, out } of list) {
    if (out !== null || agent.id === not) continue;
    if (best === null) best = agent;
    else {
      const byShare = policy.strategy === 'most_spare' ? share(agent, best) : 0;
      if (byShare < 0 || (byShare === 0 && (turn(agent) < turn(best) || (turn(agent) === turn(best) && agent.id < best.id)))) best = agent;
    }
  }
  return best;
}

/** Seconds since it waits, and what happens then. */
export type WaitPoint = { at: number; kind: 'step'; n: number; step: WaitStep } | { at: number; kind: 'longest'; action: MaxWait['action'] };

/** Steps count from the one before, the longest wait from the beginning; a step after it is still shown. */
export function timeline(policy: Pick<Policy, 'steps' | 'max_wait'>): WaitPoint[] {
  let at = 0;
  const steps = policy.steps.map((step, i): WaitPoint => {
    at += step.after_seconds;
    return { at, kind: 'step', n: i + 1, step };
  });
  const longest: WaitPoint[] = policy.max_wait ? [{ at: policy.max_wait.after_seconds, kind: 'longest', action: policy.max_wait.action }] : [];
  return [...steps, ...longest].sort((a, b) => a.at - b.at);
}
