import { sampleServerTime } from '@/lib/clock';
import { createStore, type Store } from '@/lib/store';

/** One frame, or several that left together, in their order. */
export type Sent = Frame | { type: 'many'; frames: Frame[] };

export type Frame =
  | { type: 'welcome'; seq: number; server_time: number; session?: number }
  | { type: 'event'; seq: number; prev?: number; at: number; kind: string; conversation?: number | null; body: unknown }
  | { type: 'ping'; up_to?: number; server_time: number }
  | { type: 'reset'; seq: number }
  | { type: 'viewing'; conversation: number; agents: { id: number; name: string }[] }
  | { type: 'typing'; conversation: number; agent?: { id: number; name: string } | null; customer?: boolean };

export type Event = Extract<Frame, { type: 'event' }>;
export type Ephemeral = Extract<Frame, { type: 'viewing' | 'typing' }>;

export interface Handlers {
  event(event: Event): void;
  ephemeral(frame: Ephemeral): void;
  /** What is on screen may be old: load it again. */
  reload(): void;
  /** The session is over. */
  ended(): void;
}

export interface SocketLike {
  send(text: string): void;
  close(code?: number): void;
  readyState: number;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  onerror: (() => void) | null;
}

export type Link = 'connecting' | 'online' | 'offline';

/** Two pings may be late before the line counts as dead. */
const SILENCE_MS = 35_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 20_000;
const OPEN = 1;

/**
 * The event stream. It keeps the number of the last event seen; a gap or a broken line is healed by connecting again
 * from that number, so each event is handled exactly once and in order.
 */
export class Realtime {
  readonly link: Store<Link> = createStore<Link>('connecting');
  private socket: SocketLike | null = null;
  private last: number | null = null;
  private tries = 0;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private silence: ReturnType<typeof setTimeout> | undefined;
  private stopped = false;
  private viewed: number | null = null;

  constructor(
    private readonly handlers: Handlers,
    private readonly open: (address: string) => SocketLike = (address) =>
      new WebSocket(address) as unknown as SocketLike,
    private readonly random: () => number = Math.random,
  ) {}

  start(): void {
    this.stopped = false;
    this.connect();
    window.addEventListener('online', this.wake);
    window.addEventListener('offline', this.lost);
    document.addEventListener('visibilitychange', this.wake);
    document.addEventListener('visibilitychange', this.look);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.retry);
    clearTimeout(this.silence);
    window.removeEventListener('online', this.wake);
    window.removeEventListener('offline', this.lost);
    document.removeEventListener('visibilitychange', this.wake);
    document.removeEventListener('visibilitychange', this.look);
    this.drop();
  }

  view(conversation: number | null): void {
    if (this.viewed === conversation) return;
    this.viewed = conversation;
    this.look();
  }

  /** Says what is looked at: nothing while the page is out of sight, so that a push tells of it instead. */
  private readonly look = () => {
    this.send({ type: 'view', conversation: document.visibilityState === 'hidden' ? null : this.viewed });
  };

  typing(conversation: number, mode: 'reply' | 'note'): void {
    this.send({ type: 'typing', conversation, mode });
  }

  activity(): void {
    this.send({ type: 'activity' });
  }

  private send(frame: object): void {
    if (this.socket?.readyState === OPEN) this.socket.send(JSON.stringify(frame));
  }

  private connect(): void {
    clearTimeout(this.retry);
    this.drop();
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const since = this.last === null ? '' : `?since=${this.last}`;
    const socket = this.open(`${scheme}://${location.host}/api/v1/events${since}`);
    this.socket = socket;
    socket.onmessage = ({ data }) => {
      if (this.socket !== socket) return;
      this.alive();
      let sent: Sent;
      try {
        sent = JSON.parse(String(data)) as Sent;
      } catch {
        return;
      }
      for (const frame of sent.type === 'many' ? sent.frames : [sent]) {
        // A gap in them makes another connection, which begins at the gap.
        if (this.socket !== socket) return;
        this.take(frame);
      }
    };
    socket.onclose = ({ code }) => {
      if (this.socket !== socket) return;
      this.socket = null;
      clearTimeout(this.silence);
      if (this.stopped) return;
      if (code === 4001) {
        this.stopped = true;
        this.handlers.ended();
        return;
      }
      this.again();
    };
    socket.onerror = () => undefined;
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.onerror = null;
    socket.close();
  }

  /** Waits longer after each failure, with some chance in it, so that a thousand consoles do not return at once. */
  private again(): void {
    this.link.set('offline');
    const most = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.tries);
    this.tries += 1;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.connect(), most / 2 + (most / 2) * this.random());
  }

  private readonly wake = (): void => {
    if (this.stopped || document.visibilityState === 'hidden') return;
    if (this.link.get() !== 'online') {
      this.tries = 0;
      this.connect();
    }
  };

  private readonly lost = (): void => {
    if (!this.stopped) this.link.set('offline');
  };

  private alive(): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      this.drop();
      this.again();
    }, SILENCE_MS);
  }

  private take(frame: Frame): void {
    switch (frame.type) {
      case 'welcome':
        sampleServerTime(frame.server_time);
        this.tries = 0;
        if (this.last === null) {
          this.last = frame.seq;
          // What was loaded before the stream began may have changed in between.
          this.handlers.reload();
        }
        this.link.set('online');
        if (this.viewed !== null) this.look();
        return;
      case 'event':
        if (this.last !== null && frame.seq <= this.last) return;
        if (this.last !== null && frame.prev !== undefined && frame.prev > this.last) {
          this.connect();
          return;
        }
        this.last = frame.seq;
        this.handlers.event(frame);
        return;
      case 'ping':
        sampleServerTime(frame.server_time);
        if (frame.up_to !== undefined && this.last !== null) this.last = Math.max(this.last, frame.up_to);
        this.send({ type: 'pong' });
        return;
      case 'reset':
        this.last = frame.seq;
        this.handlers.reload();
        return;
      case 'viewing':
      case 'typing':
        this.handlers.ephemeral(frame);
        return;
    }
  }
}
