import { describe, expect, it } from 'vitest';
import { lastId, merge, pending, unread, withStatus } from '../src/panel/merge';
import { memoryStore, Queue } from '../src/panel/queue';
import { said } from './fixtures';

const ids = (list: readonly { id: number }[]) => list.map((m) => m.id);

describe('merge', () => {
  it('orders by id whatever the order of arrival', () => {
    expect(ids(merge([said(2)], [said(5), said(1), said(3)]))).toEqual([1, 2, 3, 5]);
  });

  it('keeps one message per id when a live frame and a replay bring the same', () => {
    const once = merge([], [said(1), said(2)]);
    expect(ids(merge(once, [said(2), said(3), said(3)]))).toEqual([1, 2, 3]);
  });

  it('returns the same list when nothing is new', () => {
    const known = merge([], [said(1), said(2)]);
    expect(merge(known, [said(2), said(1)])).toBe(known);
  });

  it('takes an edited message', () => {
    const list = merge([said(1)], [said(1, { content: { type: 'text', text: 'corregido' } })]);
    expect(list[0]?.content).toEqual({ type: 'text', text: 'corregido' });
  });

  it('never moves a status back', () => {
    const read = merge([], [said(1, { from: 'visitor', status: 'read' })]);
    expect(merge(read, [said(1, { from: 'visitor', status: 'sent' })])[0]?.status).toBe('read');
    expect(withStatus(read, 1, 'delivered')[0]?.status).toBe('read');
    expect(withStatus([said(1, { status: 'sent' })], 1, 'read')[0]?.status).toBe('read');
  });

  it('starts a replay after the last id known', () => {
    expect(lastId([])).toBe(0);
    expect(lastId(merge([], [said(7), said(3)]))).toBe(7);
  });
});

describe('pending', () => {
  it('hides what the server already has, by client id', () => {
    const queue = new Queue(memoryStore(), 'q:');
    queue.add({ text: 'uno' }, 1, 'a');
    queue.add({ text: 'dos' }, 2, 'b');
    expect(pending(queue.all(), [said(9, { from: 'visitor', client_id: 'a' })]).map((q) => q.text)).toEqual(['dos']);
  });
});

describe('unread', () => {
  it('counts the team after the read mark, not the visitor nor system lines', () => {
    const list = [said(1), said(2), said(3, { from: 'bot' }), said(4, { from: 'visitor' }), said(5, { from: 'system' })];
    expect(unread(list, 1)).toBe(2);
    expect(unread(list, 3)).toBe(0);
  });
});
