import { ApiError } from '@/api/client';
import type { Message } from '@/api/types';
import { beforeEach, describe, expect, it, vi } from 'vitest';
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
  const make = () =>
    new Outbox(
      () => undefined,
      (entry) => {
        posted.push(entry);
        return (answers.shift() ?? (() => Promise.resolve({ message: {} as Message })))();
      },
    );
  const fails = (status: number, code: string, extra = {}) => () => Promise.reject(new ApiError(status, code, '', extra));

  beforeEach(() => {
    vi.useFakeTimers();
    localStorage.clear();
    posted = [];
    answers = [];
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
});
