import { describe, expect, it } from 'vitest';
import { memoryStore, Queue, type Queued } from '../src/panel/queue';
import { Refused, Sender } from '../src/panel/sender';
import type { VMessage } from '../src/types';
import { said } from './fixtures';

/** A server that keeps one message per client id, like the real one, and can fail on demand. */
class Server {
  readonly stored: string[] = [];
  readonly #ids = new Map<string, number>();
  fail: (item: Queued) => Error | undefined = () => undefined;
  /** Stores the message and loses the answer. */
  loseAnswers = 0;

  post = async (item: Queued): Promise<VMessage> => {
    await Promise.resolve();
    const error = this.fail(item);
    if (error) throw error;
    if (!this.#ids.has(item.client_id)) {
      this.#ids.set(item.client_id, this.#ids.size + 1);
      this.stored.push(item.text ?? '');
    }
    if (this.loseAnswers-- > 0) throw new TypeError('network');
    return said(this.#ids.get(item.client_id) as number, { from: 'visitor', client_id: item.client_id });
  };
}

function setUp() {
  const queue = new Queue(memoryStore(), 'q:');
  const server = new Server();
  const log = { sent: [] as number[], online: [] as boolean[], later: [] as number[] };
  const sender = new Sender(queue, server.post, {
    sent: (m) => log.sent.push(m.id),
    changed: (online) => log.online.push(online),
    later: (ms) => log.later.push(ms),
  });
  return { queue, server, log, sender };
}

describe('Sender', () => {
  it('CP-3.2 sends two messages written offline once, in order, when the network returns', async () => {
    const { queue, server, log, sender } = setUp();
    server.fail = () => new TypeError('network');
    queue.add({ text: 'uno' }, 1, 'b');
    await sender.flush();
    queue.add({ text: 'dos' }, 2, 'a');
    await sender.flush();
    expect(server.stored).toEqual([]);
    expect(log.online.at(-1)).toBe(false);
    server.fail = () => undefined;
    await Promise.all([sender.flush(), sender.flush()]);
    expect(server.stored).toEqual(['uno', 'dos']);
    expect(queue.all()).toEqual([]);
  });

  it('an answer that is lost does not double the message', async () => {
    const { queue, server, sender } = setUp();
    server.loseAnswers = 2;
    queue.add({ text: 'uno' }, 1, 'a');
    queue.add({ text: 'dos' }, 2, 'b');
    for (let i = 0; i < 3; i++) await sender.flush();
    expect(server.stored).toEqual(['uno', 'dos']);
    expect(queue.all()).toEqual([]);
  });

  it('waits longer after each failure and honours Retry-After', async () => {
    const { queue, server, log, sender } = setUp();
    queue.add({ text: 'uno' }, 1, 'a');
    server.fail = () => new TypeError('network');
    for (let i = 0; i < 7; i++) await sender.flush();
    expect(log.later).toEqual([1000, 2000, 4000, 8000, 16000, 30000, 30000]);
    server.fail = () => new Refused(429, 'rate_limited', 12);
    await sender.flush();
    expect(log.later.at(-1)).toBe(12_000);
    expect(queue.next()?.failed).toBeUndefined();
  });

  it('a refusal for good stays visible and does not block what follows', async () => {
    const { queue, server, sender } = setUp();
    server.fail = (item) => (item.text === 'no' ? new Refused(422, 'invalid') : undefined);
    queue.add({ text: 'no' }, 1, 'a');
    queue.add({ text: 'sí' }, 2, 'b');
    await sender.flush();
    expect(server.stored).toEqual(['sí']);
    expect(queue.all().map((q) => [q.text, q.failed])).toEqual([['no', 'invalid']]);
  });

  it('sends what is written while the last run winds up', async () => {
    const { queue, server, sender } = setUp();
    queue.add({ text: 'uno' }, 1, 'a');
    const run = sender.flush();
    queue.add({ text: 'dos' }, 2, 'b');
    await sender.flush();
    await run;
    expect(server.stored).toEqual(['uno', 'dos']);
  });
});
