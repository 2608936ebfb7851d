/** What the loader and the panel say to each other, and the visitors' API `/chat/v1`. */

/** Public settings of one web chat, `GET /chat/v1/sites/{site_key}`. */
export interface Site {
  name: string;
  colour?: string | null;
  position?: string | null;
  launcher_text?: string | null;
  greeting?: string | null;
  language?: string | null;
  upload?: { enabled: boolean; max_bytes: number } | null;
  /** What stands here while nobody is there. */
  when_closed?: 'chat' | 'form' | 'hide';
  /** What is asked before the first message. */
  form?: Form | null;
  /** Only people for whom the site vouches may write. */
  identity_required?: boolean;
  open?: boolean;
  /** When somebody is there again, ms UTC. */
  opens_at?: number | null;
}

export type Asked = 'off' | 'optional' | 'required';

export interface Form {
  name: Asked;
  email: Asked;
  phone: Asked;
  /** What has to be agreed to; empty for nothing. */
  consent: string;
}

/** What the page says about its visitor: `Ronda('identify', …)` with a proof, `Ronda('set', …)` without. */
export interface Who {
  userId?: string;
  /** Hex HMAC-SHA256 of `userId`, made by the site's server. */
  hash?: string;
  name?: string;
  email?: string;
  phone?: string;
  attributes?: Record<string, string | number | boolean>;
}

/** Where a visitor is; stored as the origin of the conversation. */
export interface Page {
  url: string;
  title: string;
  referrer: string;
}

/** What the loader hands to the panel. */
export interface Host {
  /** Public site key. */
  key: string;
  /** Address the script came from, with a final slash. */
  base: string;
  site: Site;
  /** `es`, `en` or `pt-BR`. */
  language: Language;
  root: ShadowRoot;
  launcher: HTMLButtonElement;
  /** Unread count on the launcher; 0 hides it. */
  badge(count: number): void;
  /** Tells the loader that the panel was opened or closed. */
  opened(open: boolean): void;
  /** Where the visit began. */
  page(): Page;
  who?: Who;
}

/** What the panel offers the loader. */
export interface Panel {
  open(focus: boolean): void;
  close(): void;
  logout(): void;
  identify(): void;
}

export type Language = 'es' | 'en' | 'pt-BR';

export interface Media {
  file?: string;
  mime?: string;
  name?: string;
  size?: number;
  caption?: string;
  voice?: boolean;
  failed?: string;
}

export interface Choice {
  id: string;
  title: string;
  description?: string;
}

export type Content =
  | { type: 'text'; text: string }
  | ({ type: 'image' | 'video' | 'audio' | 'document' | 'sticker' } & Media)
  | { type: 'location'; latitude: number; longitude: number; name?: string; address?: string }
  | {
      type: 'interactive';
      header?: string;
      body: string;
      footer?: string;
      buttons?: Choice[];
      list_button?: string;
      sections?: { title?: string; rows: Choice[] }[];
    }
  | { type: 'interactive_reply'; id: string; title: string }
  | { type: 'template'; preview?: string }
  | { type: 'system'; code: string; params?: Record<string, unknown> }
  | { type: 'contacts' | 'reaction' | 'order' | 'unsupported' };

/** A message as a visitor sees it. Ids grow with the order of the conversation. */
export interface VMessage {
  id: number;
  client_id?: string | null;
  from: 'visitor' | 'agent' | 'bot' | 'system';
  name?: string | null;
  content: Content;
  at: number;
  status?: string | null;
}

export interface ConversationState {
  state: 'none' | 'waiting' | 'held' | 'closed' | 'bot';
  agent?: { name: string } | null;
  /** While it waits and nobody is there: when somebody is. */
  opens_at?: number | null;
}
