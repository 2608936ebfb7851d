/** Pure rules of the list: what a new set of messages changes, in which order things are shown, what is unread. */
import type { VMessage } from '../types';
import type { Queued } from './queue';

/** A status never goes back: a late `delivered` does not hide a `read`. */
const RANK: Record<string, number> = { failed: 0, received: 1, sent: 1, delivered: 2, read: 3 };

/** Joins `incoming` into `known`: one entry per id, ascending ids, the later status wins. Returns `known` itself when
 * nothing changed, so that a replay of old messages costs no drawing. */
export function merge(known: readonly VMessage[], incoming: readonly VMessage[]): readonly VMessage[] {
  const byId = new Map(known.map((m) => [m.id, m]));
  let changed = false;
  for (const message of incoming) {
    const old = byId.get(message.id);
    if (old && JSON.stringify(old) === JSON.stringify(message)) continue;
    byId.set(message.id, old ? { ...message, status: later(old.status, message.status) } : message);
    changed = true;
  }
  return changed ? [...byId.values()].sort((a, b) => a.id - b.id) : known;
}

/** The status of one message moved on, or stays when the news is older. */
export function withStatus(known: readonly VMessage[], id: number, status: string): readonly VMessage[] {
  return known.map((m) => (m.id === id ? { ...m, status: later(m.status, status) } : m));
}

function later(a?: string | null, b?: string | null): string | null {
  if (!a || !b) return a || b || null;
  return (RANK[b] ?? 1) >= (RANK[a] ?? 1) ? b : a;
}

/** Own messages that the server does not have yet, in the order they were written. */
export function pending(queue: readonly Queued[], known: readonly VMessage[]): readonly Queued[] {
  const arrived = new Set(known.map((m) => m.client_id));
  return queue.filter((q) => !arrived.has(q.client_id));
}

/** How many messages of the team the visitor has not seen. */
export function unread(known: readonly VMessage[], readUpTo: number): number {
  return known.filter((m) => m.id > readUpTo && (m.from === 'agent' || m.from === 'bot')).length;
}

/** The last id known, where a replay starts. */
export function lastId(known: readonly VMessage[]): number {
  return known[known.length - 1]?.id ?? 0;
}
