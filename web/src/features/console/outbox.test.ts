import { ApiError } from '@/api/client';
import type { Message } from '@/api/types';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { owner } from '@/lib/owner';
import { createShelf } from '@/lib/store';
import { Outbox, type Entry, type Sent } from './outbox';

const text = (conversation: number, words: string) => ({
  conversation,
  content: { type: 'text' as const, text: words },
  note: false,
  reply_to: null,
  seen: 3,
});
const words = (entry: Entry) => (entry.content.type === 'text' ? entry.content.text : '');

describe('the outbox', () => {
  let posted: Entry[];
  let answers: (() => Promise<Sent>)[];
  let signedIn: string | null;
  /** The outbox of another tab, or of this one after a reload. */
  const make = () =>
    new Outbox(
      () => undefined,
      (entry) => {
        posted.push(entry);
        return (answers.shift() ?? (() => Promise.resolve({ message: {} as Message })))();
      },
      () => Promise.resolve(signedIn),
      createShelf('ronda.outbox', owner),
    );
  const told = (before: number) => {
    expect(localStorage.length).not.toBe(before);
    window.dispatchEvent(new StorageEvent('storage', { key: null }));
  };
  const fails = (status: number, code: string, extra = {}) => () => Promise.reject(new ApiError(status, code, '', extra));

  beforeEach(() => {
    vi.useFakeTimers();
    localStorage.clear();
    posted = [];
    answers = [];
    owner.set('');
    owner.set('1.7');
    signedIn = '1.7';
  });

  it('messages_leave_in_the_order_they_were_written', async () => {
    const box = make();
    box.add(text(1, 'a'), 1);
    box.add(text(1, 'b'), 2);
    await vi.runAllTimersAsync();
    expect(posted.map(words)).toEqual(['a', 'b']);
    expect(box.entries.get()).toEqual([]);
  });

  it('a_lost_answer_is_repeated_with_the_same_id', async () => {
    answers = [fails(0, 'network'), fails(503, 'busy')];
    const box = make();
    box.add(text(1, 'a'), 1);
    await vi.runAllTimersAsync();
    expect(posted).toHaveLength(3);
    expect(new Set(posted.map((entry) => entry.client_id)).size).toBe(1);
    expect(box.entries.get()).toEqual([]);
  });

  it('ag_3_2_a_reply_refused_because_another_owns_it_waits_for_a_person', async () => {
    answers = [fails(409, 'not_owner', { owner: { id: 2, name: 'Luis' } })];
    const box = make();
    box.add(text(1, 'a'), 1);
    await vi.runAllTimersAsync();
    const [entry] = box.entries.get();
    expect(entry).toMatchObject({ state: 'refused', code: 'not_owner', owner: 'Luis' });
    box.retry(entry?.client_id ?? '', { note: true });
    await vi.runAllTimersAsync();
    expect(posted.map((one) => one.note)).toEqual([false, true]);
    expect(posted[1]?.client_id).not.toBe(posted[0]?.client_id);
  });

  it('what_was_not_sent_survives_a_reload', async () => {
    answers = [fails(0, 'network')];
    const box = make();
    box.add(text(1, 'a'), 1);
    await vi.advanceTimersByTimeAsync(10);
    const again = make();
    again.wake();
    await vi.runAllTimersAsync();
    expect(posted.map((entry) => entry.client_id)).toEqual(Array(posted.length).fill(posted[0]?.client_id));
    expect(again.entries.get()).toEqual([]);
  });

  it('two_tabs_write_beside_each_other', async () => {
    answers = Array<() => Promise<Sent>>(4).fill(fails(0, 'network'));
    const [one, two] = [make(), make()];
    one.add(text(1, 'a'), 1);
    two.add(text(2, 'b'), 2);
    await vi.advanceTimersByTimeAsync(10);
    expect(make().entries.get().map(words)).toEqual(['a', 'b']);
  });

  it('another_tab_sends_what_a_closed_one_left_and_nothing_twice', async () => {
    answers = [fails(0, 'network')];
    const [closed, open] = [make(), make()];
    closed.add(text(1, 'a'), 1);
    await vi.advanceTimersByTimeAsync(10);
    const before = localStorage.length;
    open.wake();
    await vi.advanceTimersByTimeAsync(10);
    expect(posted).toHaveLength(2);
    told(before);
    expect(closed.entries.get()).toEqual([]);
    await vi.runAllTimersAsync();
    expect(posted).toHaveLength(2);
  });

  it('what_another_tab_was_given_is_seen_here', async () => {
    answers = [fails(0, 'network')];
    const [one, two] = [make(), make()];
    one.add(text(1, 'a'), 1);
    await vi.advanceTimersByTimeAsync(10);
    told(0);
    expect(two.entries.get()).toMatchObject([{ state: 'waiting' }]);
  });

  it('what_is_somebody_elses_is_neither_shown_nor_sent_and_waits_for_them', async () => {
    answers = [fails(0, 'network')];
    const box = make();
    box.add(text(1, 'a'), 1);
    await vi.advanceTimersByTimeAsync(10);
    owner.set('1.8');
    signedIn = '1.8';
    expect(box.entries.get()).toEqual([]);
    make().wake();
    await vi.runAllTimersAsync();
    expect(posted).toHaveLength(1);
    owner.set('1.7');
    signedIn = '1.7';
    await vi.runAllTimersAsync();
    expect(posted.map(words)).toEqual(['a', 'a']);
  });

  it('nothing_that_waited_leaves_while_the_server_knows_somebody_else', async () => {
    answers = [fails(0, 'network')];
    const box = make();
    box.add(text(1, 'a'), 1);
    await vi.advanceTimersByTimeAsync(10);
    signedIn = '1.8';
    await vi.advanceTimersByTimeAsync(120_000);
    expect(posted).toHaveLength(1);
    signedIn = '1.7';
    await vi.runAllTimersAsync();
    expect(posted).toHaveLength(2);
  });

  it('a_browser_that_keeps_nothing_loses_nothing_of_this_page', async () => {
    answers = [fails(0, 'network')];
    vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
      throw new DOMException('full', 'QuotaExceededError');
    });
    const box = make();
    box.add(text(1, 'a'), 1);
    await vi.runAllTimersAsync();
    expect(posted).toHaveLength(2);
    expect(box.entries.get()).toEqual([]);
  });
});
