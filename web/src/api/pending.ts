/**
 * The shapes that screens work with, written by hand: `docs/openapi.json` shows the words of closed sets under their
 * Rust names and objects of other crates without their fields, so the types made from it (`npm run api`) cannot tell
 * `online` from `Online`. A type moves to `schema.d.ts` as soon as the document says what is sent.
 */

export type Ms = number;

export interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}

export interface Ref {
  id: number;
  name: string;
}

/* ── Who am I ─────────────────────────────────────────────────────────────── */

export type Role = 'agent' | 'supervisor' | 'administrator' | 'owner';
export type Permission =
  | 'conversations:see_all'
  | 'conversations:reply'
  | 'conversations:take'
  | 'conversations:take_over'
  | 'conversations:transfer'
  | 'conversations:close'
  | 'conversations:manage_others'
  | 'customers:see'
  | 'customers:edit'
  | 'routing:explain'
  | 'routing:edit'
  | 'agents:see'
  | 'agents:set_state'
  | 'users:manage'
  | 'groups:manage'
  | 'channels:manage'
  | 'workspace:manage'
  | 'audit:see';

export type AgentState = 'online' | 'away' | 'offline';
export type ChosenState = 'online' | 'away';

export interface Agent {
  id: number;
  name: string;
  public_name: string;
  role: Role;
  photo?: string | null;
  state: AgentState;
  chosen: ChosenState;
  reason?: string | null;
  since: Ms;
  load: number;
  limit?: number | null;
  hard_cap?: number | null;
}

export interface Me {
  account: { id: number; name: string; email: string; language?: string | null; must_change_password?: boolean };
  workspaces: { id: number; name: string; role: Role }[];
  workspace?: { id: number; name: string; zone: string; language: string; country: string } | null;
  agent?: Agent | null;
  permissions: Permission[];
  mail_configured: boolean;
  server_time: Ms;
}

/* ── Conversations ────────────────────────────────────────────────────────── */

export type Tray = 'unassigned' | 'mine' | 'agents' | 'bot';
export type TrayState = 'active' | 'closed' | 'outbound';
export type Order = 'waiting' | 'activity' | 'assigned';
export type ChannelKind = 'whatsapp' | 'web_chat' | 'messenger' | 'instagram' | 'facebook';
export type Place = 'bot' | 'waiting' | 'held' | 'closed';
export type MessageStatus = 'queued' | 'uncertain' | 'sent' | 'delivered' | 'read' | 'played' | 'failed';
export type Author = 'customer' | 'agent' | 'bot' | 'automatic' | 'external' | 'system';
export type Direction = 'in' | 'out' | 'note' | 'system';

/** A coded reason; texts are ours. The code alone where there is nothing to fill in. */
export type Reason = string | { code: string; params?: Record<string, unknown> };

export interface Conversation {
  id: number;
  number?: number;
  channel_account: { id: number; kind: ChannelKind; name: string };
  customer: Ref & { address?: string | null };
  place: Place;
  state: TrayState;
  owner: Ref | null;
  group: Ref | null;
  epoch: number;
  phase: 'unanswered' | 'answered' | 'parked' | null;
  owed_since: Ms | null;
  waiting_since: Ms | null;
  assigned_at: Ms | null;
  assigned_reason?: Reason | null;
  rotate_at: Ms | null;
  rotate_total_ms?: number | null;
  round?: number;
  exhausted?: boolean;
  last_activity_at: Ms;
  last_customer_at: Ms | null;
  last_message: {
    id: number;
    at: Ms;
    direction: Direction;
    author: Author;
    kind: string;
    preview: string;
    status?: MessageStatus | null;
  } | null;
  unread: number;
  marked_unread?: boolean;
  window: { state: 'open' | 'extended' | 'closed'; closes_at?: Ms | null; refused?: boolean };
  reserved_for?: number | null;
  closed_at?: Ms | null;
  close_reason?: string | null;
  outbound?: boolean;
  simulated?: boolean;
  snoozed_until?: Ms | null;
  created_at: Ms;
}

export type Counts = Record<Tray, Record<TrayState, number>>;

export interface Media {
  file?: string;
  mime?: string;
  name?: string;
  size?: number;
  caption?: string;
  voice?: boolean;
  animated?: boolean;
  failed?: string;
}

export interface Choice {
  id: string;
  title: string;
  description?: string;
}

export type MediaKind = 'image' | 'video' | 'audio' | 'document' | 'sticker';

export type Content =
  | { type: 'text'; text: string }
  | ({ type: MediaKind } & Media)
  | { type: 'location'; latitude: number; longitude: number; name?: string; address?: string }
  | { type: 'contacts'; contacts: { name: string; phones?: string[]; emails?: string[]; organization?: string }[] }
  | { type: 'reaction'; emoji: string; target: string }
  | {
      type: 'interactive';
      header?: string;
      body: string;
      footer?: string;
      buttons?: Choice[];
      list_button?: string;
      sections?: { title?: string; rows: Choice[] }[];
    }
  | { type: 'interactive_reply'; id: string; title: string; description?: string }
  | { type: 'form_reply'; name: string; text?: string; values?: Record<string, unknown> }
  | {
      type: 'order';
      catalog_id: string;
      text?: string;
      items: { product_id: string; quantity: number; price: string; currency: string }[];
    }
  | { type: 'template'; name: string; language: string; components?: unknown[]; preview?: string }
  | { type: 'system'; code: string; params?: Record<string, unknown> }
  | { type: 'unsupported'; kind: string; raw?: unknown };

export interface Message {
  id: number;
  conversation: number;
  at: Ms;
  direction: Direction;
  author: Author;
  agent?: Ref | null;
  client_id?: string | null;
  kind: string;
  /** `null` when its author deleted it. */
  content: Content | null;
  status?: MessageStatus | null;
  /** When each status was reached, by its word. */
  status_at?: Partial<Record<MessageStatus, Ms>> | null;
  error?: { code?: string | number | null; key?: string | null; title?: string | null; detail?: string | null } | null;
  reply_to?: { message?: number | null; provider_id?: string | null } | null;
  reactions?: { by: string; emoji: string }[];
  edited_at?: Ms | null;
  deleted_at?: Ms | null;
  referral?: { headline?: string; body?: string; source_url?: string; source_type?: string } | null;
}

export interface MessagePage {
  items: Message[];
  has_more: boolean;
}

export interface Draft {
  mode: 'reply' | 'note';
  body: string;
}

export interface Customer {
  id: number;
  name: string;
  phone?: string | null;
  email?: string | null;
  notes?: string;
  created_at?: Ms;
  version?: number;
  identities?: { kind: string; value: string; replaced?: boolean }[];
  attributes?: Record<string, string>;
  origin?: { page?: string | null; title?: string | null; referrer?: string | null } | null;
}

export interface Template {
  id?: number | string;
  name: string;
  language: string;
  category?: string;
  status?: string;
  body?: string;
  components?: { type: string; text?: string; format?: string }[];
}

export interface StoredFile {
  id: string;
  name: string;
  mime: string;
  size: number;
}

/* ── Routing ──────────────────────────────────────────────────────────────── */

export type Preset = 'sales' | 'support';

export interface Policy {
  version: number;
  enabled: boolean;
  preset: Preset | null;
  based_on: Preset | null;
  presence: 'online' | 'any';
  excluded: number[];
  limit: number | null;
  reassign_seconds: number | null;
  scope: 'first_reply' | 'every_turn';
  strategy: 'least_recent' | 'most_spare';
  rounds: number;
  backoff_percent: number;
  typing_grace_seconds: number;
  ramp: { initial: number; interval_seconds: number };
  hard_cap: { extra: number; percent: number };
  on_gone: 'keep' | 'unanswered' | 'on_customer_message' | 'all';
  gone_grace_seconds: number;
  affinity: { enabled: boolean; absent_seconds: number; full_seconds: number };
  max_transfers: number;
  max_backlog_age_seconds: number;
}

export interface Finding {
  code: string;
  severity: 'info' | 'warning' | 'confirm' | 'error';
  count: number;
}

export interface Lost {
  reject?: string;
  reason?: string;
  count: number;
  names?: string[];
}

export interface Funnel {
  members: number;
  lost: Lost[];
  finalists: {
    agent: number | Ref;
    name?: string;
    load: number;
    limit?: number | null;
    last_assigned_at?: Ms | null;
  }[];
  chosen?: number | Ref | null;
  by: string;
}

export interface PolicyPreview {
  findings: Finding[];
  preview: { eligible: number; funnel: Funnel; moves: number; names?: Record<string, string> };
}

export interface PolicyVersion {
  version: number;
  policy: Policy;
  author?: number | null;
  author_name?: string | null;
  created_at?: Ms | null;
}

export interface Decision {
  seq: number;
  at: Ms;
  act: string;
  reason: Reason;
  conversation: { id: number; number?: number; customer?: Ref | string | null } | null;
  from: Ref | null;
  to: Ref | null;
  policy_version: number;
  epoch_before: number;
  epoch_after: number;
  funnel?: Funnel | null;
}

export interface ConversationRouting {
  why_waiting?: Funnel | null;
  position?: { place: number; of: number } | null;
  decisions: Decision[];
}

/* ── Settings ─────────────────────────────────────────────────────────────── */

export interface User {
  id: number;
  name: string;
  public_name?: string | null;
  email: string;
  phone?: string | null;
  role: Role;
  groups: number[];
  limit?: number | null;
  signature?: string | null;
  status?: string;
  state?: AgentState;
  chosen?: ChosenState;
  reason?: string | null;
  since?: Ms;
  load?: number;
  version?: number;
}

export interface Invitation {
  id: number;
  email: string;
  role: Role;
  groups?: number[];
  expires_at?: Ms;
  created_at?: Ms;
  link?: string | null;
}

export interface PublicInvitation {
  state: 'open' | 'used' | 'revoked' | 'expired';
  workspace: string;
  inviter?: string | null;
  email: string;
  role: Role;
  has_account: boolean;
  language: string;
  expires_at: Ms;
}

export interface Group {
  id: number;
  key: string;
  name: string;
  description?: string | null;
  members: number[];
  supervisors?: number[];
  colour?: string;
  default?: boolean;
  version?: number;
}

export interface StateSpan {
  id: number;
  at: Ms;
  state: AgentState;
  reason: string | null;
  cause: string;
  by_name: string | null;
}

export interface Workspace {
  id?: number;
  name: string;
  zone: string;
  language: string;
  country: string;
  close_tolerance: { enabled: boolean; minutes: number; after_automatic: boolean; ignore_polite: boolean };
  auto_close: {
    bot: number | null;
    waiting: number | null;
    agent: number | null;
    outbound: number | null;
    farewell?: { bot: string | null; waiting: string | null; agent: string | null; outbound: string | null };
  };
  version?: number;
}

export interface ChannelAccount {
  id: number;
  kind: 'whatsapp' | 'web_chat';
  name: string;
  external_id?: string | null;
  status: 'draft' | 'connected' | 'disconnected' | 'restricted';
  status_detail?: string | null;
  settings: WebChatSettings & Record<string, unknown>;
  greeter?: { text: string; handover: 'first_message' | 'words'; words: string[] } | null;
  default_group?: number | null;
  webhook_url?: string | null;
  verify_token?: string | null;
  snippet?: string | null;
  simulated?: boolean;
  health?: Record<string, unknown> | null;
  version?: number;
}

export interface WebChatSettings {
  colour?: string | null;
  position?: 'left' | 'right' | null;
  launcher_text?: string | null;
  greeting?: string | null;
  language?: string | null;
  upload?: { enabled: boolean; max_bytes: number } | null;
  allowed_domains?: string[];
}

export interface Device {
  id: number;
  current: boolean;
  user_agent: string;
  ip: string;
  created_at: Ms;
  last_used_at: Ms;
  expires_at: Ms;
}

export interface Overview {
  now?: Ms;
  waiting: number;
  held: number;
  unanswered: number;
  exhausted: number;
  oldest_owed_since: Ms | null;
  queues: { group: number | null; group_name: string | null; waiting: number; oldest_owed_since: Ms | null }[];
  agents: Agent[];
  expiring: Conversation[];
}

export interface MyAccount {
  id: number;
  email: string;
  name: string;
  language: string | null;
  zone: string | null;
  must_change_password: boolean;
  version: number;
}
