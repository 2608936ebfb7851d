import { keys, mergeMessages, type View } from '@/api/queries';
import type { Agent, Alert, Conversation, Me, Message, MessagePage, Order, Page } from '@/api/types';
import { openMs } from '@/lib/hours';
import { createStore } from '@/lib/store';
import type { InfiniteData, QueryClient, QueryKey } from '@tanstack/react-query';
import type { Ephemeral, Event } from './socket';

type Pages = InfiniteData<Page<Conversation>>;

/** From when on a customer waits for us; `null` when nothing is owed. Marking unread counts from the last word. */
export function owedSince(c: Conversation): number | null {
  return c.owed_since ?? (c.marked_unread ? c.last_customer_at : null);
}

/** How long the whole clock of a chat is, in open time: from the assignment, or from what is owed since then. */
export function clockTotal(c: Conversation): number | null {
  if (c.rotate_at === null) return null;
  const start = Math.max(c.assigned_at ?? 0, c.owed_since ?? 0);
  return start > 0 && c.rotate_at > start ? openMs(c.closed_spans, start, c.rotate_at) : null;
}

/** The three orders of lists (spec AG-7). Ties by id, so that a list never trembles. */
export function compare(order: Order, a: Conversation, b: Conversation): number {
  if (order === 'activity') return b.last_activity_at - a.last_activity_at || b.id - a.id;
  if (order === 'assigned') return (a.assigned_at ?? a.created_at) - (b.assigned_at ?? b.created_at) || a.id - b.id;
  const [x, y] = [owedSince(a), owedSince(b)];
  if (x !== null && y !== null) return x - y || a.id - b.id;
  if (x !== null) return -1;
  if (y !== null) return 1;
  return b.last_activity_at - a.last_activity_at || b.id - a.id;
}

/** Whether a conversation is in a view; `null` when only the server can tell. */
export function belongs(c: Conversation, view: View, me: number | undefined): boolean | null {
  if (c.state !== view.state) return false;
  if (view.channel !== undefined && c.channel_account.id !== view.channel) return false;
  if (view.group !== undefined && c.group?.id !== view.group) return false;
  if (view.owner !== undefined && c.owner?.id !== view.owner) return false;
  if (view.owed && c.owed_since === null) return false;
  if (view.q) return null;
  switch (view.tray) {
    case 'mine':
      return me !== undefined && c.owner?.id === me;
    case 'agents':
      return c.owner !== null;
    case 'bot':
      return view.state === 'active' ? c.place === 'bot' : c.owner !== null ? false : null;
    case 'unassigned':
      return view.state === 'active' ? c.place === 'waiting' : c.owner !== null ? false : null;
  }
}

/** Puts a conversation into a loaded list, updates it there or takes it out. What the list knows better stays. */
export function place(pages: Pages, c: Conversation, view: View, me: number | undefined): { pages: Pages; ask: boolean } {
  const inside = pages.pages.flatMap((page) => page.items).find((item) => item.id === c.id);
  if (inside && inside.epoch > c.epoch) return { pages, ask: false };
  const wanted = belongs(c, view, me);
  if (inside) {
    const change = (items: Conversation[]) =>
      wanted === false
        ? items.filter((item) => item.id !== c.id)
        : items.map((item) => (item.id === c.id ? { ...item, ...c } : item));
    return { pages: { ...pages, pages: pages.pages.map((page) => ({ ...page, items: change(page.items) })) }, ask: false };
  }
  if (wanted === null) return { pages, ask: true };
  if (!wanted) return { pages, ask: false };
  const end = pages.pages.at(-1);
  const last = end?.items.at(-1);
  if (end?.next_cursor && last && compare(view.order, last, c) < 0) return { pages, ask: false };
  const [first, ...rest] = pages.pages;
  return {
    pages: { ...pages, pages: [{ ...(first ?? { items: [] }), items: [c, ...(first?.items ?? [])] }, ...rest] },
    ask: false,
  };
}

export interface Person {
  id: number;
  name: string;
}

/** Colleagues who look at a conversation. */
export const viewing = createStore<ReadonlyMap<number, Person[]>>(new Map());
/** Who types in a conversation, each until its time. */
export const typing = createStore<ReadonlyMap<number, { who: Person | null; until: number }[]>>(new Map());

const TYPING_MS = 6_000;
/** An answer takes less than this. */
const ANSWER_MS = 3_000;
/** The first change of a quiet moment is counted at once. */
const COUNTS_SOON_MS = 100;
const COUNTS_EVERY_MS = 1_500;

/** Between two looks at the wall, which may change with every event. Together with the server's own pause it is well below
 * the second in which the wall must be right. */
const WALL_EVERY_MS = 300;
const WALL_EVENTS: readonly string[] = ['conversation.changed', 'conversation.left', 'message.changed', 'agent.state', 'routing.decided', 'channel.changed', 'settings.changed', 'alert.raised'];

/** Events of the stream, told to what is loaded. */
export class CachePatcher {
  private walled = 0;
  private wallTimer: ReturnType<typeof setTimeout> | undefined;
  private counted = 0;
  private countsTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly asked = new Set<string>();
  /** When the stream last spoke of a conversation. */
  private readonly touched = new Map<number, number>();
  /** What the stream changed in answers that are on their way, by the hash of their query. */
  private readonly meanwhile = new Map<string, ((data: unknown) => unknown)[]>();
  private unsubscribe: (() => void) | undefined;

  constructor(
    private readonly client: QueryClient,
    private readonly me: () => Me | null,
    private readonly arrived: (c: Conversation, before: Conversation | undefined) => void,
    private readonly spoke: (message: Message) => void,
    private readonly raised: (alert: Alert) => void = () => undefined,
    private readonly gone: (before: Conversation) => void = () => undefined,
    private readonly stated: (now: Agent, before: Agent | undefined) => void = () => undefined,
  ) {}

  event(event: Event): void {
    if (WALL_EVENTS.includes(event.kind)) this.wall();
    switch (event.kind) {
      case 'conversation.changed': {
        const c = event.body as Conversation;
        this.touched.set(c.id, Date.now());
        this.conversation(c);
        return;
      }
      case 'conversation.left':
        this.left((event.body as { id?: number } | null)?.id ?? event.conversation ?? 0);
        return;
      case 'message.created':
        this.message(event.body as Message);
        this.spoke(event.body as Message);
        return;
      case 'message.changed':
        this.message(event.body as Message);
        return;
      case 'agent.state':
        this.agent(event.body as Agent);
        return;
      case 'routing.decided':
        if (event.conversation) void this.client.invalidateQueries({ queryKey: keys.routing(event.conversation) });
        this.ask(['decisions', 'live']);
        return;
      case 'customer.changed':
        void this.client.invalidateQueries({ queryKey: ['customer', (event.body as { id?: number }).id] });
        return;
      case 'alert.raised':
        void this.client.invalidateQueries({ queryKey: keys.alerts });
        this.raised(event.body as Alert);
        return;
      case 'channel.changed':
        void this.client.invalidateQueries({ queryKey: keys.channels });
        return;
      case 'rights.changed':
        void this.client.invalidateQueries();
        return;
      case 'settings.changed':
        // Clocks pause and go on with the hours.
        if ((event.body as { resource?: string } | null)?.resource === 'business-hours') {
          void this.client.invalidateQueries({ predicate: ({ queryKey: [head] }) => ['conversation', 'conversations'].includes(String(head)) });
        }
        void this.client.invalidateQueries({
          predicate: ({ queryKey: [head] }) =>
            !['messages', 'conversation', 'conversations', 'counts', 'routing'].includes(String(head)),
        });
        return;
    }
  }

  ephemeral(frame: Ephemeral): void {
    if (frame.type === 'viewing') {
      viewing.set((now) => new Map(now).set(frame.conversation, frame.agents));
      return;
    }
    const who = frame.agent ?? null;
    const until = Date.now() + TYPING_MS;
    typing.set((now) => {
      const others = (now.get(frame.conversation) ?? []).filter((one) => one.who?.id !== who?.id);
      return new Map(now).set(frame.conversation, [...others, { who, until }]);
    });
    setTimeout(() => {
      typing.set((now) => {
        const left = (now.get(frame.conversation) ?? []).filter((one) => one.until > Date.now());
        return new Map(now).set(frame.conversation, left);
      });
    }, TYPING_MS + 50);
  }

  /** The answer of a request of ours. Events of the same conversation that came meanwhile are newer than it, or will be
   * followed by its own: it is used only where the stream is silent. */
  answer(c: Conversation): void {
    if (Date.now() - (this.touched.get(c.id) ?? 0) > ANSWER_MS) this.conversation(c);
  }

  conversation(c: Conversation): void {
    const before = this.known(c.id);
    if (before && before.epoch > c.epoch) return;
    const now = before ? { ...before, ...c } : c;
    if (!before) this.client.setQueryData(keys.conversation(c.id), now);
    this.patch<Conversation>(keys.conversation(c.id), (known) => (known.epoch > now.epoch ? known : { ...known, ...now }));
    const me = this.me()?.agent?.id;
    for (const { queryKey } of this.client.getQueryCache().findAll({ queryKey: keys.lists })) {
      const view = queryKey[1] as View | undefined;
      if (!view) continue;
      this.patch<Pages>(queryKey, (pages) => {
        const placed = place(pages, now, view, me);
        if (placed.ask) this.ask(queryKey);
        return placed.pages;
      });
    }
    this.recount();
    this.arrived(now, before);
  }

  /** A conversation as it is on the screen. */
  known(id: number): Conversation | undefined {
    return this.client.getQueryData<Conversation>(keys.conversation(id)) ?? this.listed(id);
  }

  private listed(id: number): Conversation | undefined {
    for (const [, pages] of this.client.getQueriesData<Pages>({ queryKey: keys.lists })) {
      for (const page of pages?.pages ?? []) {
        const found = page.items.find((item) => item.id === id);
        if (found) return found;
      }
    }
    return undefined;
  }

  private left(id: number): void {
    const before = this.known(id);
    if (before) this.gone(before);
    for (const { queryKey } of this.client.getQueryCache().findAll({ queryKey: keys.lists })) {
      this.patch<Pages>(queryKey, (pages) => ({
        ...pages,
        pages: pages.pages.map((page) => ({ ...page, items: page.items.filter((item) => item.id !== id) })),
      }));
    }
    // Asked for anew; the conversation's page shows nothing of it once the answer is "not for you". A reset would take
    // an open dialog away while its own command is on its way.
    void this.client.invalidateQueries({ queryKey: keys.conversation(id) });
    this.recount();
  }

  message(message: Message): void {
    this.patch<MessagePage>(keys.messages(message.conversation), (page) => ({ ...page, items: mergeMessages(page.items, [message]) }));
  }

  /** The answer to a send. What an event has told of the message meanwhile is newer, and stays. */
  sent(message: Message): void {
    const page = this.client.getQueryData<MessagePage>(keys.messages(message.conversation));
    if (!page?.items.some((one) => one.id === message.id)) this.message(message);
  }

  private agent(agent: Agent): void {
    this.stated(agent, this.client.getQueryData<Agent[]>(keys.agents)?.find((one) => one.id === agent.id));
    this.patch<Agent[]>(keys.agents, (list) => {
      const known = list.some((one) => one.id === agent.id);
      return known ? list.map((one) => (one.id === agent.id ? { ...one, ...agent } : one)) : [...list, agent];
    });
    this.patch<Me | null>(keys.me, (me) => (me?.agent?.id === agent.id ? { ...me, agent: { ...me.agent, ...agent } } : me));
  }

  /** Changes what is loaded. An answer that is on its way may be older than the event: it is changed too when it comes. */
  private patch<T>(key: QueryKey, change: (data: T) => T): void {
    const query = this.client.getQueryCache().find({ queryKey: key, exact: true });
    if (!query) return;
    this.apply(key, [change as (data: unknown) => unknown]);
    if (query.state.fetchStatus === 'idle') return;
    this.meanwhile.set(query.queryHash, [...(this.meanwhile.get(query.queryHash) ?? []), change as (data: unknown) => unknown]);
    this.unsubscribe ??= this.client.getQueryCache().subscribe((told) => {
      if (told.type !== 'updated') return;
      const came = told.action.type === 'success' && !told.action.manual;
      if (!came && told.action.type !== 'error') return;
      const changes = this.meanwhile.get(told.query.queryHash);
      if (!changes || !this.meanwhile.delete(told.query.queryHash)) return;
      if (came) this.apply(told.query.queryKey, changes);
      if (this.meanwhile.size > 0) return;
      this.unsubscribe?.();
      this.unsubscribe = undefined;
    });
  }

  private apply(key: QueryKey, changes: ((data: unknown) => unknown)[]): void {
    const data = this.client.getQueryData(key);
    if (data === undefined) return;
    const changed = changes.reduce<unknown>((now, change) => change(now), data);
    if (changed !== data) this.client.setQueryData(key, changed);
  }

  /** Whoever looks at the wall is given a new one: the first change of a quiet moment at once, many as one. */
  private wall(): void {
    if (this.wallTimer !== undefined) return;
    const wait = Math.max(0, WALL_EVERY_MS - (Date.now() - this.walled));
    this.wallTimer = setTimeout(() => {
      this.wallTimer = undefined;
      this.walled = Date.now();
      // An answer that is on its way may be older than this event: it is asked for anew.
      void this.client.invalidateQueries({ queryKey: keys.overview }, { cancelRefetch: true });
    }, wait);
  }

  /** The server counts; many changes in a moment are one question. */
  private recount(): void {
    if (this.countsTimer !== undefined) return;
    const since = Date.now() - this.counted;
    const wait = Math.max(COUNTS_SOON_MS, COUNTS_EVERY_MS - since);
    this.countsTimer = setTimeout(() => {
      this.countsTimer = undefined;
      this.counted = Date.now();
      void this.client.invalidateQueries({ queryKey: keys.counts });
    }, wait);
  }

  private ask(key: readonly unknown[]): void {
    const name = JSON.stringify(key);
    if (this.asked.has(name)) return;
    this.asked.add(name);
    setTimeout(() => {
      this.asked.delete(name);
      void this.client.invalidateQueries({ queryKey: key });
    }, COUNTS_EVERY_MS);
  }
}
