import { infiniteQueryOptions, queryOptions, type QueryClient } from '@tanstack/react-query';
import { api, ApiError } from './client';
import type {
  AffinityOf,
  Agent,
  Alert,
  ChannelAccount,
  ChannelName,
  ContentLimits,
  Conversation,
  ConversationRouting,
  Counts,
  Customer,
  Group,
  Invitation,
  Me,
  Message,
  MessagePage,
  Order,
  Overview,
  Page,
  PolicyVersion,
  SandboxState,
  Skill,
  Template,
  Tray,
  TrayState,
  User,
  Workspace,
} from './types';

/** A tray in a state, in an order, with filters: what an address of the console means. */
export interface View {
  tray: Tray;
  state: TrayState;
  order: Order;
  channel?: number;
  group?: number;
  owner?: number;
  /** Only those whose customer is owed a reply. */
  owed?: boolean;
  q?: string;
}

export const PAGE_SIZE = 100;
export const MESSAGE_PAGE = 50;

export const keys = {
  me: ['me'] as const,
  counts: ['counts'] as const,
  lists: ['conversations'] as const,
  list: (view: View) => ['conversations', view] as const,
  conversation: (id: number) => ['conversation', id] as const,
  messages: (id: number) => ['messages', id] as const,
  routing: (id: number) => ['routing', id] as const,
  agents: ['agents'] as const,
  users: ['users'] as const,
  invitations: ['invitations'] as const,
  groups: ['groups'] as const,
  skills: ['skills'] as const,
  workspace: ['workspace'] as const,
  channels: ['channels'] as const,
  overview: ['overview'] as const,
  alerts: ['alerts'] as const,
};

/** Who is signed in; `null` when nobody is. */
export const meQuery = queryOptions({
  queryKey: keys.me,
  queryFn: async (): Promise<Me | null> => {
    try {
      return await api.get<Me>('/sessions/current');
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: 5 * 60_000,
});

export const setupQuery = queryOptions({
  queryKey: ['setup'],
  queryFn: () => api.get<{ needed: boolean }>('/setup'),
  staleTime: Infinity,
});

export const countsQuery = queryOptions({
  queryKey: keys.counts,
  queryFn: ({ signal }) => api.get<Counts>('/conversations/counts', undefined, signal),
});

export function listQuery(view: View) {
  return infiniteQueryOptions({
    queryKey: keys.list(view),
    queryFn: ({ pageParam, signal }) =>
      api.get<Page<Conversation>>('/conversations', { ...view, limit: PAGE_SIZE, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
}

export function conversationQuery(id: number) {
  return queryOptions({
    queryKey: keys.conversation(id),
    queryFn: async ({ signal }) => unwrap(await api.get<Conversation | Wrapped>(`/conversations/${id}`, undefined, signal)),
  });
}

type Wrapped = { conversation: Conversation };

/** Some answers carry the conversation inside an object, some are it. */
export function unwrap(answer: Conversation | Wrapped): Conversation {
  return 'conversation' in answer ? answer.conversation : answer;
}

export function messagesQuery(id: number) {
  return queryOptions({
    queryKey: keys.messages(id),
    queryFn: ({ signal }) => api.get<MessagePage>(`/conversations/${id}/messages`, { limit: MESSAGE_PAGE }, signal),
  });
}

/** Puts the messages before the oldest loaded one in front of them. */
export async function loadOlder(client: QueryClient, id: number): Promise<void> {
  const now = client.getQueryData<MessagePage>(keys.messages(id));
  const oldest = now?.items[0];
  if (!now?.has_more || !oldest) return;
  const page = await api.get<MessagePage>(`/conversations/${id}/messages`, { before: oldest.id, limit: MESSAGE_PAGE });
  client.setQueryData<MessagePage>(keys.messages(id), (current) =>
    current ? { items: mergeMessages(page.items, current.items), has_more: page.has_more } : current,
  );
}

/** Each message once, in the order of time; the later knowledge of a message wins. */
export function mergeMessages(before: Message[], after: Message[]): Message[] {
  const byId = new Map<number, Message>();
  for (const message of before) byId.set(message.id, message);
  for (const message of after) byId.set(message.id, message);
  return [...byId.values()].sort((a, b) => a.at - b.at || a.id - b.id);
}

export function routingQuery(id: number) {
  return queryOptions({
    queryKey: keys.routing(id),
    queryFn: ({ signal }) => api.get<ConversationRouting>(`/conversations/${id}/routing`, undefined, signal),
  });
}

export function customerQuery(id: number) {
  return queryOptions({
    queryKey: ['customer', id],
    queryFn: ({ signal }) => api.get<Customer>(`/customers/${id}`, undefined, signal),
  });
}

export function customerConversationsQuery(id: number) {
  return queryOptions({
    queryKey: ['customer', id, 'conversations'],
    queryFn: ({ signal }) => api.get<Page<Conversation>>(`/customers/${id}/conversations`, { limit: 20 }, signal),
  });
}

export function affinityQuery(customer: number) {
  return queryOptions({
    queryKey: ['customer', customer, 'affinity'],
    queryFn: ({ signal }) => api.get<AffinityOf>(`/customers/${customer}/affinity`, undefined, signal),
  });
}

/** Every page of a list that a screen shows whole. */
export async function whole<T>(path: string, signal?: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page: Page<T> = await api.get(path, { limit: 200, cursor }, signal);
    items.push(...page.items);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return items;
}

export const agentsQuery = queryOptions({
  queryKey: keys.agents,
  queryFn: ({ signal }) => whole<Agent>('/agents', signal),
});

export const groupsQuery = queryOptions({
  queryKey: keys.groups,
  queryFn: ({ signal }) => whole<Group>('/groups', signal),
});

export const usersQuery = queryOptions({
  queryKey: keys.users,
  queryFn: ({ signal }) => whole<User>('/users', signal),
});

export const invitationsQuery = queryOptions({
  queryKey: keys.invitations,
  queryFn: ({ signal }) => whole<Invitation>('/invitations', signal),
});

export const workspaceQuery = queryOptions({
  queryKey: keys.workspace,
  queryFn: ({ signal }) => api.get<Workspace>('/workspace', undefined, signal),
});

export const skillsQuery = queryOptions({
  queryKey: keys.skills,
  queryFn: ({ signal }) => whole<Skill>('/skills', signal),
});

export const channelsQuery = queryOptions({
  queryKey: keys.channels,
  queryFn: ({ signal }) => whole<ChannelAccount>('/channel-accounts', signal),
});

/** Whether numbers for trying without Meta can be had. */
export const sandboxQuery = queryOptions({
  queryKey: ['sandbox'],
  queryFn: ({ signal }) => api.get<SandboxState>('/channel-accounts/sandbox', undefined, signal),
  staleTime: Infinity,
});

/** Names of the channels, for everybody. */
export const channelNamesQuery = queryOptions({
  queryKey: [...keys.channels, 'names'],
  queryFn: ({ signal }) => api.get<Page<ChannelName>>('/channels', undefined, signal).then((page) => page.items),
});

/** What each kind of channel carries. It changes with the server alone. */
export const contentLimitsQuery = queryOptions({
  queryKey: ['content-limits'],
  queryFn: ({ signal }) => api.get<ContentLimits>('/content-limits', undefined, signal),
  staleTime: Infinity,
});

export function templatesQuery(channel: number) {
  return queryOptions({
    queryKey: ['templates', channel],
    queryFn: ({ signal }) =>
      api
        .get<Page<Template>>('/templates', { channel_account: channel }, signal)
        .then((page) => page.items)
        .catch((error: unknown) => {
          // A server without templates has none to offer.
          if (error instanceof ApiError && error.status === 404) return [];
          throw error;
        }),
  });
}

/** The wall: events ask for it again (realtime/cache.ts); the interval is for what only time changes. */
export const overviewQuery = queryOptions({
  queryKey: keys.overview,
  queryFn: ({ signal }) => api.get<Overview>('/routing/overview', undefined, signal),
  refetchInterval: 10_000,
});

export const alertsQuery = queryOptions({
  queryKey: keys.alerts,
  queryFn: ({ signal }) => api.get<Page<Alert>>('/alerts', { limit: 20 }, signal).then((page) => page.items),
});

export const policyQuery = queryOptions({
  queryKey: ['policy', 'current'],
  queryFn: ({ signal }) => api.get<PolicyVersion>('/routing-policies/current', undefined, signal),
});
