import { describe, expect, it } from 'vitest';
import { MAX_QUEUED, memoryStore, Queue } from '../src/panel/queue';

const texts = (queue: Queue) => queue.all().map((q) => q.text);

describe('Queue', () => {
  it('keeps the order of writing, also within one millisecond', () => {
    const queue = new Queue(memoryStore(), 'q:');
    for (const [i, text] of ['uno', 'dos', 'tres', 'cuatro'].entries()) queue.add({ text }, 1000, `z${9 - i}`);
    expect(texts(queue)).toEqual(['uno', 'dos', 'tres', 'cuatro']);
  });

  it('CP-3.2 survives a reload: a new queue over the same store sees the same items in the same order', () => {
    const store = memoryStore();
    const before = new Queue(store, 'q:');
    before.add({ text: 'uno' }, 1000, 'b');
    before.add({ text: 'dos' }, 1001, 'a');
    const after = new Queue(store, 'q:');
    expect(texts(after)).toEqual(['uno', 'dos']);
    after.add({ text: 'tres' }, 1001, '0');
    expect(texts(after)).toEqual(['uno', 'dos', 'tres']);
  });

  it('keeps the order when the clock of the device goes back', () => {
    const queue = new Queue(memoryStore(), 'q:');
    queue.add({ text: 'uno' }, 5000, 'a');
    queue.add({ text: 'dos' }, 1000, 'b');
    expect(texts(queue)).toEqual(['uno', 'dos']);
  });

  it('two tabs that write at once lose nothing', () => {
    const store = memoryStore();
    const [one, two] = [new Queue(store, 'q:'), new Queue(store, 'q:')];
    one.add({ text: 'desde una' }, 1, 'a');
    two.add({ text: 'desde otra' }, 2, 'b');
    one.remove('a');
    expect(texts(two)).toEqual(['desde otra']);
  });

  it('does not see the keys of other sites nor of the page', () => {
    const store = memoryStore();
    store.setItem('cart', '{"client_id":"x"}');
    new Queue(store, 'other:q:').add({ text: 'ajeno' }, 1, 'a');
    expect(texts(new Queue(store, 'mine:q:'))).toEqual([]);
  });

  it('skips an entry that cannot be read instead of stopping', () => {
    const store = memoryStore();
    const queue = new Queue(store, 'q:');
    store.setItem('q:bad', '{');
    queue.add({ text: 'sigue' }, 1, 'a');
    expect(queue.next()?.text).toBe('sigue');
  });

  it('a refused message waits for the visitor and lets the next one pass', () => {
    const queue = new Queue(memoryStore(), 'q:');
    const first = queue.add({ text: 'uno' }, 1, 'a');
    queue.add({ text: 'dos' }, 2, 'b');
    if (first) queue.fail(first, 'invalid');
    expect(queue.next()?.text).toBe('dos');
    queue.retry('a');
    expect(queue.next()?.text).toBe('uno');
    expect(queue.all()[0]?.failed).toBeUndefined();
  });

  it('does not bring back what another tab has discarded', () => {
    const queue = new Queue(memoryStore(), 'q:');
    const item = queue.add({ text: 'uno' }, 1, 'a');
    queue.remove('a');
    if (item) queue.fail(item, 'invalid');
    queue.retry('a');
    expect(queue.all()).toEqual([]);
  });

  it('has a limit', () => {
    const queue = new Queue(memoryStore(), 'q:');
    for (let i = 0; i < MAX_QUEUED; i++) expect(queue.add({ text: `${i}` }, i, `c${i}`)).not.toBeNull();
    expect(queue.add({ text: 'de más' }, 1e6, 'x')).toBeNull();
  });
});
