import { useState } from 'react';

/** What is edited over what is saved. */
export interface Held<T> {
  version: string | number;
  saved: T;
  value: T;
}

export const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

const plain = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The edits from `before` to `mine` on top of `theirs`, field by field; lists are one value. */
export function rebase<T>(before: T, mine: T, theirs: T): T {
  if (same(before, mine)) return theirs;
  if (!plain(before) || !plain(mine) || !plain(theirs)) return mine;
  const names = [...new Set([...Object.keys(theirs), ...Object.keys(mine)])];
  const fields = names.map((name) => [name, rebase(before[name], mine[name], theirs[name])] as const);
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined)) as T;
}

/** Another version came: it is taken at once where nothing that is edited is lost by it, and otherwise waits for a choice. */
export function arrive<T>(held: Held<T>, version: string | number, fresh: T): Held<T> {
  if (held.version === version) return held;
  if (same(held.value, held.saved) || same(held.value, fresh)) return { version, saved: fresh, value: fresh };
  return same(held.saved, fresh) ? { ...held, version } : held;
}

/** The choice of whoever edits what somebody else saved meanwhile. */
export interface Choice {
  /** There is something to choose. */
  newer: boolean;
  /** The values of the other person. */
  take(): void;
  /** The edits made here, on top of what the other person saved. */
  keep(): void;
}

export interface Edit<T> extends Choice {
  version: string | number;
  saved: T;
  value: T;
  dirty: boolean;
  set(value: T): void;
  put(part: Partial<T>): void;
  discard(): void;
  /** `sent` was saved as `saved`; what was typed since stays. */
  done(saved: T, sent: T): void;
}

/** The state of an editor of `fresh`, which outlives newer versions of it. `tidy` puts in order what was put together of two. */
export function useEdit<T>(version: string | number, fresh: T, tidy: (value: T) => T = (value) => value): Edit<T> {
  const [state, hold] = useState<Held<T>>({ version, saved: fresh, value: fresh });
  const held = arrive(state, version, fresh);
  if (held !== state) hold(held);
  return {
    ...held,
    dirty: !same(held.value, held.saved),
    newer: held.version !== version,
    take: () => hold({ version, saved: fresh, value: fresh }),
    keep: () => hold((now) => ({ version, saved: fresh, value: tidy(rebase(now.saved, now.value, fresh)) })),
    set: (value) => hold((now) => ({ ...now, value })),
    put: (part) => hold((now) => ({ ...now, value: { ...now.value, ...part } })),
    discard: () => hold((now) => ({ ...now, value: now.saved })),
    done: (saved, sent) => hold((now) => ({ ...now, saved, value: rebase(sent, now.value, saved) })),
  };
}

/** Several that are saved with one button. */
export function together(choices: Choice[]): Choice {
  const open = choices.filter((choice) => choice.newer);
  return { newer: open.length > 0, take: () => open.forEach((choice) => choice.take()), keep: () => open.forEach((choice) => choice.keep()) };
}
