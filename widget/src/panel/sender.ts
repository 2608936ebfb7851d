/** Empties the queue, one message at a time so that the order holds, and decides what an error means. */
import type { VMessage } from '../types';
import type { Queue, Queued } from './queue';

/** An answer that is not a success. Anything else thrown by `post` means the network. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly retryAfterSeconds?: number,
  ) {
    super(`HTTP ${status} ${code}`);
  }
}

export interface SenderEvents {
  sent(message: VMessage): void;
  /** Something in the queue changed, or the connection was seen to be up or down. */
  changed(online: boolean): void;
  /** Try again after this many milliseconds. */
  later(ms: number): void;
}

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;

export class Sender {
  #running = false;
  #again = false;
  #failures = 0;

  constructor(
    private readonly queue: Queue,
    private readonly post: (item: Queued) => Promise<VMessage>,
    private readonly events: SenderEvents,
    /** Runs the work in at most one tab; may decide not to run it. */
    private readonly alone: (work: () => Promise<void>) => Promise<void> = (work) => work(),
  ) {}

  async flush(): Promise<void> {
    // What is written while the last run winds up must not wait for the next occasion.
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    try {
      while (this.#again) {
        this.#again = false;
        await this.alone(() => this.#drain());
      }
    } finally {
      this.#running = false;
    }
  }

  async #drain(): Promise<void> {
    for (let item = this.queue.next(); item; item = this.queue.next()) {
      try {
        const message = await this.post(item);
        this.#failures = 0;
        this.queue.remove(item.client_id);
        this.events.sent(message);
        this.events.changed(true);
      } catch (error) {
        if (error instanceof Refused && isFinal(error.status)) {
          this.queue.fail(item, error.code);
          this.events.changed(true);
          continue;
        }
        this.#failures++;
        this.events.changed(error instanceof Refused);
        const wait = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.#failures - 1));
        this.events.later(error instanceof Refused && error.retryAfterSeconds ? error.retryAfterSeconds * 1000 : wait);
        return;
      }
    }
  }
}

/** The same body would be refused again: waiting does not help. */
function isFinal(status: number): boolean {
  return status >= 400 && status < 500 && status !== 401 && status !== 408 && status !== 425 && status !== 429;
}
