import { api, ApiError } from '@/api/client';
import type { Content, Conversation, Message } from '@/api/types';
import { textNow } from '@/i18n';
import { uuid } from '@/lib/ids';
import { owner, signedIn } from '@/lib/owner';
import { createShelf, derive, type Readable, type Shelf } from '@/lib/store';
import { forgetEmpty } from './drafts';

export interface Entry {
  client_id: string;
  conversation: number;
  content: Content;
  note: boolean;
  reply_to: number | null;
  /** Name of the customer, for when the conversation is out of sight. */
  to?: string;
  /** Epoch of the conversation on screen when it was written. */
  seen: number | null;
  at: number;
  /** `waiting` is tried again by itself; `refused` was not sent and a person decides; `failed` may be tried again. */
  state: 'sending' | 'waiting' | 'refused' | 'failed';
  code?: string;
  /** Who has the conversation now, after `not_owner`. */
  owner?: string;
  detail?: string;
}

export interface Sent {
  message: Message;
  conversation?: Conversation;
}

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;

const kept = createShelf<Entry>('ronda.outbox', owner);
const inOrder = (all: Readonly<Record<string, Entry>>) => Object.values(all).sort((a, b) => a.at - b.at);

/** What was not sent and waits for a person. */
export const unsent = derive(kept, (all): readonly Entry[] => inOrder(all).filter((entry) => entry.state === 'refused' || entry.state === 'failed'));

export function discardUnsent(client_id: string): void {
  kept.put(client_id, undefined);
}

/**
 * Messages on their way. Each has an id made here, so the server knows a repetition; they leave in the order they were
 * written, per conversation, survive a reload of the page, and leave from another tab when theirs is gone.
 */
export class Outbox {
  readonly entries: Readable<readonly Entry[]>;
  /** The outbox of a console that was left only finishes what it has begun. */
  private static leave: (() => void) | undefined;
  /** What was given to this page and has not failed yet. */
  private readonly fresh = new Set<string>();
  private readonly running = new Set<number>();
  private readonly tries = new Map<number, number>();
  private readonly timers = new Map<number, ReturnType<typeof setTimeout>>();

  constructor(
    private readonly arrived: (sent: Sent) => void,
    private readonly post: (entry: Entry) => Promise<Sent> = send,
    private readonly whose: () => Promise<string | null> = signedIn,
    private readonly shelf: Shelf<Entry> = kept,
  ) {
    this.entries = derive(shelf, (all): readonly Entry[] =>
      inOrder(all).map((entry) => (entry.state === 'waiting' && this.fresh.has(entry.client_id) ? { ...entry, state: 'sending' } : entry)),
    );
    Outbox.leave?.();
    Outbox.leave = shelf.subscribe(() => this.resume());
  }

  add(entry: Omit<Entry, 'client_id' | 'at' | 'state'>, at: number): Entry {
    const whole: Entry = { ...entry, client_id: uuid(), at, state: 'waiting' };
    this.fresh.add(whole.client_id);
    this.shelf.put(whole.client_id, whole);
    void this.run(entry.conversation);
    return whole;
  }

  /** Again: a person asked. */
  retry(client_id: string, change: Partial<Entry> = {}): void {
    const entry = this.shelf.get()[client_id];
    if (!entry) return;
    // What was refused as a reply is another message as a note: it must not meet the old one's id.
    const id = change.note !== undefined && change.note !== entry.note ? uuid() : client_id;
    this.fresh.add(id);
    if (id !== client_id) this.discard(client_id);
    this.shelf.put(id, { ...entry, ...change, client_id: id, state: 'waiting', code: undefined, owner: undefined, detail: undefined });
    void this.run(entry.conversation);
  }

  wake(): void {
    this.shelf.refresh();
    for (const conversation of this.due()) void this.run(conversation);
  }

  discard(client_id: string): void {
    this.fresh.delete(client_id);
    this.shelf.put(client_id, undefined);
  }

  /** As `wake`, but what failed waits for its time. */
  private resume(): void {
    for (const conversation of this.due()) if (!this.timers.has(conversation)) void this.run(conversation);
  }

  private due(): Set<number> {
    return new Set(Object.values(this.shelf.get()).flatMap((entry) => (entry.state === 'waiting' ? entry.conversation : [])));
  }

  private patch(client_id: string, change: Partial<Entry>): void {
    const entry = this.shelf.get()[client_id];
    if (entry) this.shelf.put(client_id, { ...entry, ...change });
  }

  private async run(conversation: number): Promise<void> {
    if (this.running.has(conversation)) return;
    this.running.add(conversation);
    this.stop(conversation);
    try {
      await alone(`ronda.outbox.${conversation}`, () => this.drain(conversation));
    } finally {
      this.running.delete(conversation);
      this.resume();
    }
  }

  private async drain(conversation: number): Promise<void> {
    for (;;) {
      this.shelf.refresh();
      const by = owner.get();
      const next = this.entries
        .get()
        .find((entry) => entry.conversation === conversation && (entry.state === 'sending' || entry.state === 'waiting'));
      if (!next) return;
      try {
        // Somebody else may have signed in since it was written.
        if (next.state === 'waiting' && (await this.whose()) !== by) return this.later(conversation, null);
        const sent = await this.post(next);
        this.tries.delete(conversation);
        this.arrived(sent);
        this.discard(next.client_id);
      } catch (error) {
        this.fresh.delete(next.client_id);
        if (error instanceof ApiError && (error.transient || error.status === 401)) {
          this.patch(next.client_id, { code: error.code });
          return this.later(conversation, error.retryAfter);
        }
        this.refuse(next, error);
      }
    }
  }

  private refuse(entry: Entry, error: unknown): void {
    const known = error instanceof ApiError ? error : null;
    const owner = (known?.problem['owner'] as { name?: string } | null | undefined)?.name;
    const refused = known?.status === 409;
    this.patch(entry.client_id, {
      state: refused ? 'refused' : 'failed',
      code: known?.code ?? 'unknown',
      owner,
      detail: known ? (inWords(known) ?? known.detail) : undefined,
    });
  }

  private later(conversation: number, seconds: number | null): void {
    const tried = this.tries.get(conversation) ?? 0;
    this.tries.set(conversation, tried + 1);
    const wait = seconds !== null ? seconds * 1_000 : Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** tried);
    this.stop(conversation);
    this.timers.set(
      conversation,
      setTimeout(() => void this.run(conversation), wait),
    );
  }

  private stop(conversation: number): void {
    clearTimeout(this.timers.get(conversation));
    this.timers.delete(conversation);
  }
}

/** What was wrong, in the language of now, where we know it. */
function inWords(error: ApiError): string | undefined {
  return error.problem.errors?.map((one) => error.about(one.pointer)).join(' ') || textNow(`error.${error.code}`);
}

/** One tab at a time. Where the browser has no locks, the server knows a repetition by its id. */
async function alone(name: string, work: () => Promise<void>): Promise<void> {
  await ('locks' in navigator ? navigator.locks.request(name, work) : work());
}

/** The server knows a message by its `client_id`. A key of the request besides would keep what was refused refused. */
async function send(entry: Entry): Promise<Sent> {
  const sent = await api.post<Sent>(`/conversations/${entry.conversation}/messages`, {
    client_id: entry.client_id,
    content: entry.content,
    ...(entry.note ? { note: true } : {}),
    ...(entry.reply_to ? { reply_to: entry.reply_to } : {}),
    ...(entry.seen !== null && !entry.note ? { seen: entry.seen } : {}),
  });
  // The draft there went with it.
  forgetEmpty(entry.conversation);
  return sent;
}
