import { api, ApiError } from '@/api/client';
import type { Content, Conversation, Message } from '@/api/types';
import { uuid } from '@/lib/ids';
import { createStore, read, write, type Store } from '@/lib/store';

export interface Entry {
  client_id: string;
  conversation: number;
  content: Content;
  note: boolean;
  reply_to: number | null;
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

const KEY = 'ronda.outbox';
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;

/**
 * Messages on their way. Each has an id made here, so the server knows a repetition; they leave in the order they were
 * written, per conversation, and survive a reload of the page.
 */
export class Outbox {
  readonly entries: Store<readonly Entry[]>;
  private readonly running = new Set<number>();
  private readonly tries = new Map<number, number>();
  private readonly timers = new Map<number, ReturnType<typeof setTimeout>>();

  constructor(
    private readonly arrived: (sent: Sent) => void,
    private readonly post: (entry: Entry) => Promise<Sent> = send,
  ) {
    const kept = (read<Entry[]>(KEY) ?? []).map((entry) =>
      entry.state === 'sending' ? { ...entry, state: 'waiting' as const } : entry,
    );
    this.entries = createStore<readonly Entry[]>(kept);
    this.entries.subscribe(() => write(KEY, this.entries.get()));
  }

  add(entry: Omit<Entry, 'client_id' | 'at' | 'state'>, at: number): Entry {
    const whole: Entry = { ...entry, client_id: uuid(), at, state: 'sending' };
    this.entries.set((now) => [...now, whole]);
    void this.run(entry.conversation);
    return whole;
  }

  /** Again now: a person asked, or the line is back. */
  retry(client_id: string, change: Partial<Entry> = {}): void {
    const entry = this.entries.get().find((one) => one.client_id === client_id);
    if (!entry) return;
    // What was refused as a reply is another message as a note: it must not meet the old one's id.
    const id = change.note !== undefined && change.note !== entry.note ? uuid() : client_id;
    this.patch(client_id, { ...change, client_id: id, state: 'sending', code: undefined, owner: undefined, detail: undefined });
    void this.run(entry.conversation);
  }

  wake(): void {
    for (const conversation of new Set(this.entries.get().map((entry) => entry.conversation))) void this.run(conversation);
  }

  discard(client_id: string): void {
    this.entries.set((now) => now.filter((entry) => entry.client_id !== client_id));
  }

  private patch(client_id: string, change: Partial<Entry>): void {
    this.entries.set((now) => now.map((entry) => (entry.client_id === client_id ? { ...entry, ...change } : entry)));
  }

  private async run(conversation: number): Promise<void> {
    if (this.running.has(conversation)) return;
    this.running.add(conversation);
    clearTimeout(this.timers.get(conversation));
    try {
      for (;;) {
        const next = this.entries
          .get()
          .find((entry) => entry.conversation === conversation && (entry.state === 'sending' || entry.state === 'waiting'));
        if (!next) return;
        try {
          const sent = await this.post(next);
          this.tries.delete(conversation);
          this.arrived(sent);
          this.discard(next.client_id);
        } catch (error) {
          if (error instanceof ApiError && (error.transient || error.status === 401)) {
            this.patch(next.client_id, { state: 'waiting', code: error.code });
            this.later(conversation, error.retryAfter);
            return;
          }
          this.refuse(next, error);
        }
      }
    } finally {
      this.running.delete(conversation);
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
      detail: known?.problem.errors?.map((e) => e.message).join(' ') || known?.detail,
    });
  }

  private later(conversation: number, seconds: number | null): void {
    const tried = this.tries.get(conversation) ?? 0;
    this.tries.set(conversation, tried + 1);
    const wait = seconds !== null ? seconds * 1_000 : Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** tried);
    clearTimeout(this.timers.get(conversation));
    this.timers.set(
      conversation,
      setTimeout(() => void this.run(conversation), wait),
    );
  }
}

function send(entry: Entry): Promise<Sent> {
  return api.post<Sent>(
    `/conversations/${entry.conversation}/messages`,
    {
      client_id: entry.client_id,
      content: entry.content,
      ...(entry.note ? { note: true } : {}),
      ...(entry.reply_to ? { reply_to: entry.reply_to } : {}),
      ...(entry.seen !== null && !entry.note ? { seen: entry.seen } : {}),
    },
    { idempotencyKey: entry.client_id },
  );
}
