import type { Agent, Policy, Preset } from '@/api/types';

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
