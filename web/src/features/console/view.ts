import type { View } from '@/api/queries';
import type { Order, Tray, TrayState } from '@/api/types';
import { read, write } from '@/lib/store';
import { useCallback, useMemo } from 'react';
import { useLocation, useSearch } from 'wouter';

export const TRAYS: readonly Tray[] = ['unassigned', 'mine', 'agents', 'bot'];
export const STATES: readonly TrayState[] = ['active', 'closed', 'outbound'];
export const ORDERS: readonly Order[] = ['waiting', 'activity', 'assigned'];

const one = <T extends string>(value: string | null | undefined, of: readonly T[]): T | undefined =>
  of.find((candidate) => candidate === value);
const id = (value: string | null | undefined): number | undefined =>
  value && /^\d+$/u.test(value) ? Number(value) : undefined;

const orderKey = (tray: Tray) => `ronda.order.${tray}`;

/** What an address shows. The order is remembered per tray where the address does not say. */
export function parseView(tray: string | undefined, search: string): View {
  const params = new URLSearchParams(search);
  const in_ = one(tray, TRAYS) ?? 'mine';
  return {
    tray: in_,
    state: one(params.get('state'), STATES) ?? 'active',
    order: one(params.get('order'), ORDERS) ?? one(read<string>(orderKey(in_)), ORDERS) ?? 'waiting',
    channel: id(params.get('channel')),
    group: id(params.get('group')),
    owner: id(params.get('owner')),
    owed: params.get('owed') === 'true' || undefined,
    q: params.get('q') || undefined,
  };
}

/** The address of a view, with a conversation open or not. */
export function viewPath(view: View, conversation?: number | null): string {
  const params = new URLSearchParams();
  if (view.state !== 'active') params.set('state', view.state);
  if (view.order !== 'waiting') params.set('order', view.order);
  for (const name of ['channel', 'group', 'owner', 'owed', 'q'] as const) {
    const value = view[name];
    if (value !== undefined && value !== '') params.set(name, String(value));
  }
  const search = params.toString();
  return `/agent/${view.tray}${conversation ? `/${conversation}` : ''}${search ? `?${search}` : ''}`;
}

export interface Place {
  view: View;
  open: number | null;
  /** `replace`: a step back does not come here. */
  go(change: Partial<View>, conversation?: number | null, replace?: boolean): void;
  path(change: Partial<View>, conversation?: number | null): string;
}

export function usePlace(tray: string | undefined, conversation: string | undefined): Place {
  const search = useSearch();
  const [, navigate] = useLocation();
  const view = useMemo(() => parseView(tray, search), [tray, search]);
  const open = id(conversation) ?? null;
  const path = useCallback(
    (change: Partial<View>, to?: number | null) => viewPath({ ...view, ...change }, to === undefined ? open : to),
    [view, open],
  );
  const go = useCallback(
    (change: Partial<View>, to?: number | null, replace = false) => {
      if (change.order) write(orderKey(change.tray ?? view.tray), change.order);
      navigate(path(change, to), { replace });
    },
    [navigate, path, view.tray],
  );
  return useMemo(() => ({ view, open, go, path }), [view, open, go, path]);
}
