/**
 * The shapes that screens work with, from the types made of `docs/openapi.json` (`npm run api`). The document leaves
 * out of `required` what may be `null`; the server always writes it, hence `Required`. Written by hand is only what
 * the document calls an object and says no more about.
 */
import type { components } from './schema';

type S = components['schemas'];
/** `T` with fields that are known more exactly. */
type With<T, U> = Omit<T, keyof U> & U;
export type Ms = S['Ms'];

export interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}

export interface Ref {
  id: number;
  name: string;
}

/* ── Who am I ─────────────────────────────────────────────────────────────── */

export type Role = S['Role'];
export type Permission = S['Permission'];
export type AgentState = S['AgentState'];
export type ChosenState = S['ChosenState'];
export type Agent = S['Agent'];
export type PushDevice = Required<S['PushDevice']>;
export type PushSettings = Required<S['PushSettings']>;
export type Me = S['Me'];
export type MyAccount = Required<S['MyAccount']>;
export type Device = S['Device'];

/* ── Conversations ────────────────────────────────────────────────────────── */

export type TrayState = S['TrayState'];
export type ChannelKind = S['ChannelKind'];
export type MessageStatus = S['MessageStatus'];
export type Counts = S['Counts'];
export type Tray = 'unassigned' | 'mine' | 'agents' | 'bot';
export type Order = 'waiting' | 'activity' | 'assigned';

/** A coded reason; texts are ours. The code alone where there is nothing to fill in. */
export type Reason = string | { code: string; params?: Record<string, unknown> };

/** Where a web chat began. */
export interface Origin {
  url?: string;
  title?: string;
  referrer?: string;
  utm?: Record<string, string>;
}

export type Conversation = With<
  Required<S['Conversation']>,
  { customer: Ref; owner: Ref | null; group: Ref | null; assigned_reason: Reason | null; origin: Origin | null }
>;

export type Choice = S['Choice'];
export type Media = S['Media'];
export type Content = S['Content'];
export type MediaKind = 'image' | 'video' | 'audio' | 'document' | 'sticker';

export type Message = With<
  S['Message'],
  {
    agent?: Ref | null;
    /** When each status was reached, by its word. */
    status_at?: Partial<Record<MessageStatus, Ms>> | null;
    error?: { code?: string | number | null; key?: string | null; title?: string | null; detail?: string | null } | null;
    reply_to?: { message?: number | null; provider_id?: string | null } | null;
    referral?: { headline?: string; body?: string; source_url?: string; source_type?: string } | null;
  }
>;

export interface MessagePage {
  items: Message[];
  has_more: boolean;
}

export interface Draft {
  mode: 'reply' | 'note';
  body: string;
}

export type Customer = S['Customer'];
export type Affinity = Required<S['Affinity']>;
export type AffinityOf = With<Required<S['AffinityOf']>, { affinity: Affinity | null }>;
export type AffinityCount = S['AffinityCount'];
export type StoredFile = S['FileView'];
export type FoundCustomer = S['FoundCustomer'];
export type ChannelName = S['ChannelOf'];
export type ContentLimits = Partial<Record<ChannelKind, S['Limits']>>;

export interface Template {
  id?: number | string;
  name: string;
  language: string;
  category?: string;
  status?: string;
  body?: string;
  components?: { type: string; text?: string; format?: string }[];
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
  strategy: 'least_recent' | 'most_spare' | 'weighted' | 'fill_first' | 'ranked';
  rounds: number;
  backoff_percent: number;
  typing_grace_seconds: number;
  ramp: { initial: number; interval_seconds: number };
  hard_cap: { extra: number; percent: number };
  on_gone: 'keep' | 'unanswered' | 'on_customer_message' | 'all';
  gone_grace_seconds: number;
  affinity: { enabled: boolean; absent_seconds: number; full_seconds: number; strict_seconds: number | null; ceiling: number | null };
  max_transfers: number;
  strikes: number;
  cool_down_seconds: number;
  max_backlog_age_seconds: number;
  steps: WaitStep[];
  max_wait: MaxWait | null;
  escalation_seconds: number[];
}

/** What changes for a chat that has waited so long since the step before. */
export interface WaitStep {
  after_seconds: number;
  drop_skills: boolean;
  add_groups: number[];
  raise_minutes: number;
}

export interface MaxWait {
  after_seconds: number;
  action: 'widen' | 'raise' | 'tell_customer' | 'offer_callback' | 'offer_form' | 'return_to_bot';
  text: string | null;
}

/** Fields of a policy that a group has of its own. */
export type Overrides = Partial<Omit<Policy, 'version' | 'preset' | 'based_on'>>;
export type GroupOverrides = Record<string, Overrides>;

export type RoutingPresence = 'online' | 'away' | 'gone';

/** A test that administrators write: given these agents and this chat, who must get it. */
export interface RoutingTest {
  name: string;
  agents: { agent: number; presence: RoutingPresence; load?: number; groups?: number[]; limit?: number | null }[];
  chat?: { group?: number | null; channel?: number | null; prefer?: number | null; priority_minutes?: number };
  expect: { kind: 'agent'; agent: number } | { kind: 'group'; group: number } | { kind: 'waits'; because?: string | null };
}

export interface Verdict {
  name: string;
  passed: boolean;
  agent: number | null;
  lost: [string, number][];
}

export interface Finding {
  code: string;
  severity: 'info' | 'warning' | 'confirm' | 'error';
  count: number;
  /** How often a chat that nobody answers would change hands in its first hour. */
  moves?: number;
  /** The field of the policy that it is about. */
  pointer?: string;
  /** In words, where the server's are all there are. */
  text?: string;
  /** Which tests failed. */
  names?: string[];
}

export interface Lost {
  reject?: string;
  reason?: string;
  count: number;
  names?: string[];
}

export interface Funnel {
  members: number;
  /** Those of them who are there by push alone. */
  background?: number;
  lost: Lost[];
  finalists: {
    agent: number | Ref;
    name?: string;
    load: number;
    limit?: number | null;
    last_assigned_at?: Ms | null;
    background?: boolean;
  }[];
  chosen?: number | Ref | null;
  by: string;
  /** What is asked for, and how many of the members have it. */
  skills?: { skill: number; have: number; name?: string | null }[];
}

/** What time alone changes next for a chat that waits. */
export interface NextChange {
  at: Ms;
  what: string;
}

export interface PolicyPreview {
  findings: Finding[];
  preview: { eligible: number; funnel: Funnel; moves: number; names?: Record<string, string> } | null;
}

export type PolicyVersion = With<S['PolicyVersion'], { policy: Policy; groups: GroupOverrides; tests: RoutingTest[] }>;

export interface FieldChange {
  group?: number | null;
  field: string;
  before: unknown;
  after: unknown;
}

export type Candidate = With<
  S['Candidate'],
  { policy: Policy; groups: GroupOverrides; tests: RoutingTest[]; counts: ShadowCounts }
>;

export interface ShadowCounts {
  since?: Ms | null;
  until?: Ms | null;
  inputs: number;
  differences: number;
  live_rotations: number;
  shadow_rotations: number;
  agents: Record<string, { live: number; shadow: number }>;
}

/** Nine of ten runs lie between `low` and `high`. */
export interface Interval {
  low: number;
  middle: number;
  high: number;
}

export interface ReplayFigures {
  first_reply_p50: Interval | null;
  first_reply_p90: Interval | null;
  rotations: Interval;
  without_answer: Interval;
  over_limit_minutes: Interval;
  /** Thousandths of all first replies. */
  shares: [number, Interval][];
  worst_hour: [Ms, number] | null;
}

export interface Replayed {
  days: number;
  result: {
    chats: number;
    runs: number;
    observed: ReplayFigures;
    actual: ReplayFigures | null;
    compared: { figure: string; agent: number | null; observed: number; simulated: Interval; allowed: number; fine: boolean }[];
    error_percent: number | null;
    refused: { why: string; answered?: number; needed?: number; permille?: number; most?: number; runs?: number } | null;
    predicted: ReplayFigures | null;
  };
}
export type Decision = With<
  Required<S['DecisionView']>,
  {
    reason: Reason;
    conversation: With<S['About'], { customer: Ref }> | null;
    from: Ref | null;
    to: Ref | null;
    funnel: Funnel | null;
  }
>;

/** Whether the log of decisions is as it was written. */
export type DecisionChain = With<Required<S['ChainView']>, { at: number | null }>;
/** A decision made again. */
export type DecisionReplay = With<Required<S['ReplayView']>, { because: string | null; decision: Decision | null; everybody: Required<S['VerdictView']>[] | null }>;

export type ConversationRouting = With<
  S['RoutingOf'],
  {
    why_waiting?: (Funnel & { next_change?: NextChange | null }) | null;
    skills: Ref[];
    position?: { place: number; of: number } | null;
    decisions: Decision[];
  }
>;

export type WallAgent = Required<S['WallAgent']>;
export type ChannelCondition = Required<S['ChannelCondition']>;
export type Incident = With<Required<S['Incident']>, { conversation: With<S['About'], { customer: Ref }> | null }>;
export type FailedSend = With<
  Required<S['FailedSend']>,
  { conversation: Incident['conversation']; agent: Ref | null; error: Message['error'] }
>;
export type Alert = With<Required<S['Alert']>, { conversation: Incident['conversation']; agent: Ref | null; detail: Record<string, unknown> }>;
export type Fairness = Required<S['Fairness']>;
export type ServiceTarget = Required<S['ServiceTarget']>;
export type Compliance = Omit<S['Compliance'], 'promise'>;
export type WallLink = S['WallLink'];
export type PublicWall = With<Required<S['PublicWall']>, { queues: Required<S['PublicQueue']>[]; agents: Required<S['PublicAgent']>[] }>;
export type Overview = With<
  Required<S['Overview']>,
  {
    queues: With<Required<S['Queue']>, { lost: { reason: string; count: number }[]; skills: NonNullable<Funnel['skills']>; next_change: NextChange | null }>[];
    agents: WallAgent[];
    expiring: Conversation[];
    windows: Conversation[];
    promises: Conversation[];
    pauses: { group: number | null; until: Ms }[];
    overdue: { since: Ms; conversation: Conversation }[];
    incidents: Incident[];
    channels: ChannelCondition[];
  }
>;

/* ── Settings ─────────────────────────────────────────────────────────────── */

export type User = S['User'];
export type Invitation = S['Invitation'];
export type PublicInvitation = S['PublicInvitation'];
export type Group = S['Group'];
export type Skill = S['Skill'];
export type RoleOptions = S['RoleOptions'];
export type Sees = S['Sees'];
/** A time in one state; those of a day follow one another without a hole. */
export type StateTime = With<Required<S['StateSpan']>, { state: AgentState }>;
export type Released = S['Released'];
export type Workspace = S['Workspace'];
export type WebChatSettings = With<Partial<S['WebChatSettings']>, { position?: 'left' | 'right' }>;
export type FairnessItem = With<S['FairnessItem'], { conversation: Incident['conversation'] }>;
export type FairnessItems = With<S['FairnessItems'], { items: FairnessItem[] }>;
export type SandboxState = S['SandboxState'];
export type ChannelAccount = With<S['ChannelAccount'], { settings: WebChatSettings }>;
export type InboundFailure = With<S['InboundFailure'], { raw: unknown }>;

/* ── Business hours ───────────────────────────────────────────────────────── */

export type BusinessHours = S['BusinessHours'];
export type HoursState = S['HoursState'];
export type HoursPreview = S['HoursPreview'];
export type PreviewDay = S['HoursDay'];
export type Exception = S['HoursException'];
export type HolidaySet = S['HolidaySet'];
export type ImportedHolidays = S['ImportedHolidays'];
export type AfterHours = S['AfterHours'];
export type AfterHoursMessage = S['AfterHoursMessage'];
