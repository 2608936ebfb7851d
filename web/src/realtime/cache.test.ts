import type { Conversation, Message, Page } from '@/api/types';
import { keys, type View } from '@/api/queries';
import { type InfiniteData, QueryClient } from '@tanstack/react-query';
import { describe, expect, it } from 'vitest';
import { CachePatcher, clockTotal, compare, place } from './cache';

const conversation = (id: number, change: Partial<Conversation> = {}): Conversation => ({
  id,
  number: id,
  channel_account: { id: 1, kind: 'web_chat', name: 'web' },
  customer: { id, name: `c${id}` },
  place: 'held',
  state: 'active',
  owner: { id: 1, name: 'Ana' },
  group: null,
  outside_group: false,
  epoch: 1,
  phase: null,
  owed_since: null,
  waiting_since: null,
  assigned_at: id,
  assigned_reason: null,
  rotate_at: null,
  extended: false,
  closed_spans: [],
  round: 0,
  exhausted: false,
  episode: 1,
  reserved_for: null,
  reserved_until: null,
  outbound: false,
  simulated: false,
  origin: null,
  closed_at: null,
  close_reason: null,
  last_activity_at: id,
  last_customer_at: id,
  last_message: null,
  unread: 0,
  marked_unread: false,
  window: { state: 'open', closes_at: null, refused: false },
  service: null,
  created_at: id,
  ...change,
});
const pages = (items: Conversation[], next: string | null = null): InfiniteData<Page<Conversation>> => ({
  pages: [{ items, next_cursor: next }],
  pageParams: [undefined],
});
const ids = (p: InfiniteData<Page<Conversation>>) => p.pages.flatMap((page) => page.items.map((c) => c.id));
const mine: View = { tray: 'mine', state: 'active', order: 'waiting' };
const waiting: View = { tray: 'unassigned', state: 'active', order: 'waiting' };

/** A query whose answers come when the test says so. */
function slow<T>(client: QueryClient, key: readonly unknown[]) {
  const answers: ((data: T) => void)[] = [];
  const fetch = () => client.fetchQuery({ queryKey: key, queryFn: () => new Promise<T>((done) => answers.push(done)), staleTime: 0 });
  return { answers, fetch, now: () => client.getQueryData<T>(key) };
}
const event = (kind: string, body: unknown, seq = 1) => ({ type: 'event' as const, seq, at: 0, kind, body });

describe('what is told while an answer is on its way', () => {
  const patcher = (client: QueryClient) => new CachePatcher(client, () => ({ agent: { id: 1 } }) as never, () => undefined, () => undefined);

  it('an_older_answer_does_not_take_a_new_chat_out_of_its_list', async () => {
    const client = new QueryClient();
    const cache = patcher(client);
    const list = slow<InfiniteData<Page<Conversation>>>(client, keys.list(mine));
    const first = list.fetch();
    cache.event(event('conversation.changed', conversation(5)));
    list.answers[0]?.(pages([]));
    await first;
    expect(ids(list.now() ?? pages([]))).toEqual([5]);

    const again = list.fetch();
    cache.event(event('conversation.changed', conversation(6), 2));
    cache.event(event('conversation.left', { id: 5 }, 3));
    expect(ids(list.now() ?? pages([]))).toEqual([6]);
    list.answers[1]?.(pages([conversation(5)]));
    await again;
    expect(ids(list.now() ?? pages([]))).toEqual([6]);
  });

  it('a_newer_answer_is_not_taken_back', async () => {
    const client = new QueryClient();
    const cache = patcher(client);
    const list = slow<InfiniteData<Page<Conversation>>>(client, keys.list(mine));
    const first = list.fetch();
    cache.event(event('conversation.changed', conversation(5, { place: 'waiting', owner: null, epoch: 1 })));
    list.answers[0]?.(pages([conversation(5, { epoch: 2 })]));
    await first;
    expect(ids(list.now() ?? pages([]))).toEqual([5]);
  });

  it('a_message_that_comes_while_its_chat_is_loaded_is_in_it', async () => {
    const client = new QueryClient();
    const cache = patcher(client);
    const chat = slow<{ items: Message[]; has_more: boolean }>(client, keys.messages(5));
    const first = chat.fetch();
    cache.event(event('message.created', { id: 9, conversation: 5, at: 1 }));
    chat.answers[0]?.({ items: [], has_more: false });
    await first;
    expect(chat.now()?.items.map((m) => m.id)).toEqual([9]);
  });

  it('what_fails_leaves_nothing_behind_for_the_next_answer', async () => {
    const client = new QueryClient();
    const cache = patcher(client);
    const key = keys.list(mine);
    const failing = client.fetchQuery({ queryKey: key, queryFn: () => Promise.reject(new Error('cut')), retry: false });
    cache.event(event('conversation.changed', conversation(5)));
    await expect(failing).rejects.toThrow('cut');
    await client.fetchQuery({ queryKey: key, queryFn: () => pages([]), staleTime: 0 });
    expect(ids(client.getQueryData<InfiniteData<Page<Conversation>>>(key) ?? pages([conversation(1)]))).toEqual([]);
  });
});

describe('trays follow events', () => {
  it('ag_6_1_a_take_leaves_unassigned_and_appears_in_mine', () => {
    const free = conversation(5, { place: 'waiting', owner: null });
    const taken = { ...free, place: 'held' as const, owner: { id: 1, name: 'Ana' } };
    expect(ids(place(pages([free]), taken, waiting, 1).pages)).toEqual([]);
    expect(ids(place(pages([]), taken, mine, 1).pages)).toEqual([5]);
    expect(ids(place(pages([]), taken, mine, 2).pages)).toEqual([]);
  });

  it('what_sorts_behind_the_loaded_part_is_not_put_into_it', () => {
    const loaded = pages([conversation(1, { owed_since: 10 })], 'more');
    expect(ids(place(loaded, conversation(9, { owed_since: 99 }), mine, 1).pages)).toEqual([1]);
    expect(ids(place(loaded, conversation(9, { owed_since: 2 }), mine, 1).pages)).toEqual([9, 1]);
  });

  it('only_the_server_knows_what_a_search_finds', () => {
    expect(place(pages([]), conversation(1), { ...mine, q: 'x' }, 1).ask).toBe(true);
  });
});

describe('orders', () => {
  const order = (by: View['order'], list: Conversation[]) => [...list].sort((a, b) => compare(by, a, b)).map((c) => c.id);

  it('ag_7_1_the_longest_wait_is_first_and_an_answer_moves_it_down', () => {
    const [a, b] = [conversation(1, { owed_since: 5 }), conversation(2, { owed_since: 8 })];
    expect(order('waiting', [b, a])).toEqual([1, 2]);
    expect(order('waiting', [b, { ...a, owed_since: null }])).toEqual([2, 1]);
  });

  it('ag_7_2_messages_move_nothing_in_the_order_of_assignment', () => {
    const [a, b] = [conversation(1), conversation(2)];
    expect(order('assigned', [a, b])).toEqual(order('assigned', [{ ...a, last_activity_at: 99 }, b]));
  });

  it('ag_7_3_marked_unread_takes_the_place_of_its_last_word', () => {
    const marked = conversation(1, { marked_unread: true, last_customer_at: 3 });
    expect(order('waiting', [conversation(2, { owed_since: 5 }), marked])).toEqual([1, 2]);
  });
});

it('the_ring_is_whole_at_the_assignment', () => {
  expect(clockTotal(conversation(1, { assigned_at: 1_000, owed_since: 400, rotate_at: 61_000 }))).toBe(60_000);
  expect(clockTotal(conversation(1))).toBeNull();
});

describe('answers to a send', () => {
  it('what_an_event_told_meanwhile_stays', () => {
    const client = new QueryClient();
    const cache = new CachePatcher(client, () => null, () => undefined, () => undefined);
    const message = (status: string) => ({ id: 7, conversation: 3, at: 1, status }) as unknown as Message;
    const told = () => client.getQueryData<{ items: Message[] }>(keys.messages(3))?.items.map((one) => one.status);
    client.setQueryData(keys.messages(3), { items: [], next: null });
    cache.sent(message('queued'));
    expect(told()).toEqual(['queued']);
    cache.message(message('read'));
    cache.sent(message('queued'));
    expect(told()).toEqual(['read']);
  });
});
