/** The state of the chat in this tab, and everything that changes it: storage, network, other tabs. */
import type { ConversationState, Host, VMessage, Who } from '../types';
import { lastId, merge, pending, unread, withStatus } from './merge';
import { memoryStore, Queue, type Body, type Queued, type Store } from './queue';
import { Refused, Sender } from './sender';

const POLL_MS = 5_000;
const POLL_HIDDEN_MS = 30_000;
/** A socket can be dead without saying so; a replay at this pace finds what it missed. */
const SAFETY_REPLAY_MS = 60_000;
const SOCKET_RETRY_MS = 2_000;
const SOCKET_RETRY_MAX_MS = 60_000;
const TYPING_SHOWN_MS = 6_000;
const TYPING_SENT_MS = 3_000;
const PAGE_SIZE = 100;
const CACHED_MESSAGES = 40;

export interface State {
  open: boolean;
  messages: readonly VMessage[];
  pending: readonly Queued[];
  conversation: ConversationState;
  /** False while nothing reaches the server. */
  online: boolean;
  typing: boolean;
  readUpTo: number;
  unread: number;
  /** The first answer of the server, or the cache, is here. */
  loaded: boolean;
  /** The site has vouched for the visitor. */
  verified: boolean;
  /** The form before the chat is still open. */
  asks: boolean;
}

export interface Uploaded {
  id: string;
  name: string;
  mime: string;
  size: number;
}

export class Chat {
  state: State = {
    open: false,
    messages: [],
    pending: [],
    conversation: { state: 'none' },
    online: navigator.onLine,
    typing: false,
    readUpTo: 0,
    unread: 0,
    loaded: false,
    verified: false,
    asks: false,
  };

  readonly #host: Host;
  readonly #store: Store;
  readonly #prefix: string;
  readonly #queue: Queue;
  readonly #sender: Sender;
  readonly #listeners = new Set<() => void>();
  #visitor?: Promise<string>;
  #socket?: WebSocket;
  #socketFailures = 0;
  #socketTimer = 0;
  #replaying?: Promise<void>;
  #replayAgain = false;
  #pollTimer = 0;
  #flushTimer = 0;
  #typingTimer = 0;
  #typingSent = 0;
  #readSent = 0;

  constructor(host: Host) {
    this.#host = host;
    this.#store = webStore();
    this.#prefix = `ronda:${host.key}:`;
    this.#queue = new Queue(this.#store, `${this.#prefix}q:`);
    this.#sender = new Sender(
      this.#queue,
      (item) => this.#post(item),
      {
        sent: (message) => {
          this.#receive([message]);
          this.connect();
        },
        changed: (online) => this.#queueChanged(online),
        later: (ms) => {
          clearTimeout(this.#flushTimer);
          this.#flushTimer = window.setTimeout(() => this.flush(), ms);
        },
      },
      async (work) => {
        if (!navigator.locks) return work();
        await navigator.locks.request(`${this.#prefix}send`, { ifAvailable: true }, async (lock) => {
          if (lock) await work();
        });
      },
    );
    const cached = this.#read<VMessage[]>('cache') ?? [];
    this.#set({
      messages: cached,
      readUpTo: this.#read<number>('read') ?? 0,
      pending: pending(this.#queue.all(), cached),
      loaded: cached.length > 0 || !this.token,
      verified: this.#read('user') !== null,
      asks: this.#asks(),
    });

    addEventListener('online', () => this.#wake());
    addEventListener('offline', () => this.#set({ online: false }));
    addEventListener('pageshow', () => this.#wake());
    document.addEventListener('visibilitychange', () => !document.hidden && this.#wake());
    addEventListener('focus', () => this.#markRead());
    addEventListener('storage', (event) => this.#otherTab(event));
    if (this.token) this.connect();
    this.flush();
    void this.identify();
  }

  // ── State ──────────────────────────────────────────────────────────────────────────────────────────────────────

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #set(patch: Partial<State>): void {
    const next = { ...this.state, ...patch };
    next.unread = unread(next.messages, next.readUpTo);
    this.state = next;
    for (const listener of this.#listeners) listener();
  }

  get token(): string | null {
    return this.#read<{ token: string }>('token')?.token ?? null;
  }

  #read<T>(name: string): T | null {
    try {
      return JSON.parse(this.#store.getItem(this.#prefix + name) ?? 'null') as T | null;
    } catch {
      return null;
    }
  }

  #write(name: string, value: unknown): void {
    try {
      if (value === null) this.#store.removeItem(this.#prefix + name);
      else this.#store.setItem(this.#prefix + name, JSON.stringify(value));
    } catch {
      // A full store loses the cache, never a message: those are on the server or still on the screen.
    }
  }

  get draft(): string {
    return this.#read<string>('draft') ?? '';
  }

  set draft(text: string) {
    this.#write('draft', text || null);
  }

  setOpen(open: boolean): void {
    this.#set({ open });
    try {
      if (open) sessionStorage.setItem(`${this.#prefix}open`, '1');
      else sessionStorage.removeItem(`${this.#prefix}open`);
    } catch {
      // Without session storage the panel is simply closed on the next page.
    }
    this.#markRead();
    void this.identify();
  }

  /** Another tab wrote, read, signed in or forgot. */
  #otherTab(event: StorageEvent): void {
    if (event.key === null) return this.#forgotten();
    if (!event.key.startsWith(this.#prefix)) return;
    const name = event.key.slice(this.#prefix.length);
    if (name.startsWith('q:')) {
      this.#set({ pending: pending(this.#queue.all(), this.state.messages) });
      if (event.newValue === null) void this.replay();
      else this.flush();
    } else if (name === 'read') this.#set({ readUpTo: Math.max(this.state.readUpTo, this.#read<number>('read') ?? 0) });
    else if (name === 'token') {
      if (event.newValue === null) this.#forgotten();
      else this.connect();
    }
  }

  #forgotten(): void {
    this.#visitor = undefined;
    this.#disconnect();
    this.#readSent = 0;
    this.#set({ messages: [], pending: this.#queue.all(), conversation: { state: 'none' }, readUpTo: 0, typing: false, loaded: true, verified: false, asks: this.#asks() });
  }

  /** Forgets the visitor on this device. */
  logout(): void {
    this.#queue.clear();
    for (const name of ['cache', 'read', 'draft', 'user', 'form', 'token']) this.#write(name, null);
    this.#forgotten();
  }

  // ── Who it is ──────────────────────────────────────────────────────────────────────────────────────────────────

  #asks(): boolean {
    const f = this.#host.site.form;
    return !!f && !!(f.consent || [f.name, f.email, f.phone].some((asked) => asked !== 'off')) && !this.token && !this.#read('form');
  }

  /** Keeps the answers of the form; they leave before the first message. */
  introduce(answers: Who & { consent?: boolean }): void {
    this.#write('form', { answers });
    this.#set({ asks: false });
  }

  /** Sends the answers of the form, once per visitor. */
  async #present(): Promise<void> {
    const form = this.#read<{ answers: Who; sent?: boolean }>('form');
    if (!form || form.sent) return;
    await this.#call('profile', { method: 'POST', json: form.answers });
    this.#write('form', { ...form, sent: true });
  }

  /** Tells the server what the page says about its visitor. A mere visit makes no visitor: that waits for the panel. */
  async identify(): Promise<void> {
    const { who } = this.#host;
    if (!who || !(this.token || this.state.open)) return;
    const { userId, ...rest } = who;
    const user = this.#read<string>('user');
    // Somebody else has signed in on this device.
    if (userId && user && user !== userId) this.logout();
    try {
      const answer = await this.#call('profile', { method: 'POST', json: { ...rest, user_id: userId } });
      const known = (await answer.json()) as { verified: boolean; read_up_to: number; missing: string[] };
      if (userId && !known.verified) console.warn('Ronda: hash?');
      if (!known.missing.length) this.#set({ asks: false });
      if (!userId || !known.verified || user === userId) return;
      this.#write('user', userId);
      this.#write('read', known.read_up_to);
      // The history begins before what is here, and its news come by another socket.
      this.#set({ verified: true, messages: [], readUpTo: known.read_up_to });
      this.#disconnect();
      this.connect();
      await this.replay();
    } catch (error) {
      if ((error as Refused).code === 'another_user') {
        this.logout();
        return this.identify();
      }
      console.warn(error);
    }
  }

  // ── Writing ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Keeps the message and begins to send it. False when too many wait already. */
  send(body: Body & { label?: string }): boolean {
    try {
      if (!this.#queue.add(body, Date.now(), uuid())) return false;
    } catch {
      return false;
    }
    this.#set({ pending: pending(this.#queue.all(), this.state.messages) });
    this.flush();
    return true;
  }

  retry(client_id: string): void {
    this.#queue.retry(client_id);
    this.#queueChanged(this.state.online);
    this.flush();
  }

  discard(client_id: string): void {
    this.#queue.remove(client_id);
    this.#queueChanged(this.state.online);
  }

  flush(): void {
    clearTimeout(this.#flushTimer);
    void this.#sender.flush();
  }

  #queueChanged(online: boolean): void {
    this.#set({ online, pending: pending(this.#queue.all(), this.state.messages) });
  }

  async #post(item: Queued): Promise<VMessage> {
    const { client_id, at, text, file, choice, form } = item;
    if (!form) await this.#present();
    const answer = await this.#call('messages', { method: 'POST', json: { client_id, at, text, file, choice, form } });
    return (await answer.json()) as VMessage;
  }

  /** Uploads a file; `progress` is told parts of one. */
  async upload(file: File, progress: (part: number) => void): Promise<Uploaded> {
    const token = await this.#token();
    return new Promise((done, fail) => {
      const form = new FormData();
      form.append('file', file, file.name);
      const request = new XMLHttpRequest();
      request.open('POST', `${this.#host.base}chat/v1/files`);
      request.setRequestHeader('Authorization', `Bearer ${token}`);
      request.upload.onprogress = (e) => e.lengthComputable && progress(e.loaded / e.total);
      request.onerror = () => fail(new TypeError('network'));
      request.onload = () => {
        const body = safeJson(request.responseText);
        if (request.status < 300) done(body as unknown as Uploaded);
        else fail(new Refused(request.status, String(body.code ?? '')));
      };
      request.send(form);
    });
  }

  fileUrl(file: string): string {
    return `${this.#host.base}chat/v1/files/${file}?t=${encodeURIComponent(this.token ?? '')}`;
  }

  typing(): void {
    const now = Date.now();
    if (!this.token || now - this.#typingSent < TYPING_SENT_MS) return;
    this.#typingSent = now;
    this.#call('typing', { method: 'POST', json: {} }).catch(() => undefined);
  }

  #markRead(): void {
    const last = lastId(this.state.messages);
    if (!this.state.open || document.hidden || !document.hasFocus() || !this.token || last <= this.#readSent) return;
    this.#readSent = last;
    this.#write('read', last);
    this.#set({ readUpTo: last });
    this.#call('read', { method: 'POST', json: { up_to: last } }).catch(() => {
      this.#readSent = 0;
    });
  }

  // ── Network ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The visitor's token; a visitor is created at the first thing that needs one, never by a mere visit. */
  #token(): Promise<string> {
    const known = this.token;
    if (known) return Promise.resolve(known);
    this.#visitor ??= this.#createVisitor().finally(() => {
      this.#visitor = undefined;
    });
    return this.#visitor;
  }

  async #createVisitor(): Promise<string> {
    const answer = await fetch(`${this.#host.base}chat/v1/visitors`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ site_key: this.#host.key, page: this.#host.page() }),
    });
    if (!answer.ok) throw await refusal(answer);
    const visitor = (await answer.json()) as { token: string };
    this.#write('token', visitor);
    return visitor.token;
  }

  async #call(path: string, { method = 'GET', json }: { method?: string; json?: unknown } = {}): Promise<Response> {
    for (let attempt = 0; ; attempt++) {
      const token = await this.#token();
      const answer = await fetch(`${this.#host.base}chat/v1/${path}`, {
        method,
        headers: {
          Authorization: `Bearer ${token}`,
          ...(json === undefined ? {} : { 'Content-Type': 'application/json' }),
        },
        body: json === undefined ? undefined : JSON.stringify(json),
      });
      if (answer.ok) return answer;
      // The visitor expired at the server: start again as a new one, the queue is kept.
      if (answer.status === 401 && attempt === 0) {
        this.#write('token', null);
        for (const name of ['cache', 'read', 'user']) this.#write(name, null);
        this.#readSent = 0;
        this.#set({ messages: [], readUpTo: 0 });
        if (path !== 'profile') {
          const form = this.#read<object>('form');
          this.#write('form', form && { ...form, sent: false });
          await this.#present();
          await this.identify();
        }
        continue;
      }
      throw await refusal(answer);
    }
  }

  #receive(messages: VMessage[]): void {
    const joined = merge(this.state.messages, messages);
    if (joined === this.state.messages) return;
    for (const m of messages) if (m.client_id) this.#queue.remove(m.client_id);
    this.#set({
      messages: joined,
      pending: pending(this.#queue.all(), joined),
      typing: messages.some((m) => m.from !== 'visitor') ? false : this.state.typing,
    });
    this.#write('cache', joined.slice(-CACHED_MESSAGES));
    this.#markRead();
  }

  /** Fetches what came after the last message known; calls during a run are joined into one more run. */
  replay(): Promise<void> {
    if (!this.token) return Promise.resolve();
    if (this.#replaying) {
      this.#replayAgain = true;
      return this.#replaying;
    }
    this.#replaying = this.#fetchNew()
      .catch((error) => this.#set({ online: error instanceof Refused }))
      .finally(() => {
        this.#replaying = undefined;
        if (this.#replayAgain) {
          this.#replayAgain = false;
          void this.replay();
        }
      });
    return this.#replaying;
  }

  async #fetchNew(): Promise<void> {
    for (;;) {
      const answer = await this.#call(`messages?after=${lastId(this.state.messages)}&limit=${PAGE_SIZE}`);
      const page = (await answer.json()) as { items: VMessage[]; conversation?: ConversationState };
      this.#receive(page.items);
      this.#set({ online: true, loaded: true, conversation: page.conversation ?? this.state.conversation });
      if (page.items.length < PAGE_SIZE) return;
    }
  }

  /** Live by socket; by polling while there is none. */
  connect(): void {
    if (this.#socket || !this.token) return;
    clearTimeout(this.#socketTimer);
    const url = new URL('chat/v1/events', this.#host.base);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.searchParams.set('token', this.token);
    let socket: WebSocket;
    try {
      socket = new WebSocket(url);
    } catch {
      return this.#poll();
    }
    this.#socket = socket;
    socket.onopen = () => {
      this.#socketFailures = 0;
      this.#wake();
    };
    socket.onmessage = (event) => this.#frame(safeJson(String(event.data)));
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      const wait = Math.min(SOCKET_RETRY_MAX_MS, SOCKET_RETRY_MS * 2 ** this.#socketFailures++);
      // Spread out, so that a restarted server is not met by everybody at once.
      this.#socketTimer = window.setTimeout(() => this.connect(), wait * (0.5 + Math.random()));
      this.#poll();
    };
    this.#poll();
  }

  #disconnect(): void {
    clearTimeout(this.#socketTimer);
    clearTimeout(this.#pollTimer);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  #poll(): void {
    clearTimeout(this.#pollTimer);
    const live = this.#socket?.readyState === WebSocket.OPEN;
    this.#pollTimer = window.setTimeout(
      () => void this.replay().then(() => this.#poll()),
      live ? SAFETY_REPLAY_MS : document.hidden ? POLL_HIDDEN_MS : POLL_MS,
    );
  }

  #wake(): void {
    this.flush();
    this.connect();
    void this.replay();
    this.#poll();
    this.#markRead();
  }

  #frame(frame: Record<string, unknown>): void {
    switch (frame.type) {
      case 'message':
        this.#receive([frame.message as VMessage]);
        break;
      case 'status':
        this.#set({ messages: withStatus(this.state.messages, frame.id as number, frame.status as string) });
        break;
      case 'typing':
        clearTimeout(this.#typingTimer);
        this.#set({ typing: true });
        this.#typingTimer = window.setTimeout(() => this.#set({ typing: false }), TYPING_SHOWN_MS);
        break;
      case 'conversation':
        // Frames do not say when somebody is there; what the last answer said stays true.
        this.#set({ conversation: { opens_at: this.state.conversation.opens_at, ...(frame as unknown as ConversationState) } });
        break;
    }
  }
}

async function refusal(answer: Response): Promise<Refused> {
  const body = safeJson(await answer.text().catch(() => ''));
  const wait = Number(answer.headers.get('Retry-After'));
  return new Refused(answer.status, String(body.code ?? ''), wait > 0 ? wait : undefined);
}

function safeJson(text: string): Record<string, unknown> {
  try {
    return (JSON.parse(text) as Record<string, unknown>) ?? {};
  } catch {
    return {};
  }
}

/** 128 random bits as a UUID without its dashes: `crypto.randomUUID` exists only on https, and a shop on plain http deserves
 * ids too. */
function uuid(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
}

function webStore(): Store {
  try {
    const probe = 'ronda:probe';
    localStorage.setItem(probe, '1');
    localStorage.removeItem(probe);
    return localStorage;
  } catch {
    return memoryStore();
  }
}
