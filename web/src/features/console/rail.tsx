import { api } from '@/api/client';
import { countsQuery, groupsQuery, keys, listQuery } from '@/api/queries';
import type { ChosenState, Conversation, Me, Tray } from '@/api/types';
import { useT, type Translator } from '@/i18n';
import { useNow } from '@/lib/clock';
import { explain } from '@/lib/errors';
import { useMe, useZone } from '@/lib/me';
import { theme, type Theme } from '@/lib/theme';
import { createStore, useStore } from '@/lib/store';
import { clockTime, duration } from '@/lib/time';
import { owedSince } from '@/realtime/cache';
import { Avatar, Icon, Kbd, Logo, Menu, Seats, toast, Wordmark, type IconName, type MenuItem } from '@/ui';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from 'wouter';
import { sound } from './alerts';
import { TRAYS, viewPath, type Place } from './view';

const ICONS: Record<Tray, IconName> = { unassigned: 'inbox', mine: 'user', agents: 'users', bot: 'bot' };
const MOST_COUNTED = 1_000;

export function useCount() {
  const t = useT();
  const { data } = useQuery(countsQuery);
  return {
    data,
    show: (tray: Tray, state: 'active' | 'closed' | 'outbound' = 'active') => {
      const n = data?.[tray]?.[state];
      if (n === undefined) return '';
      return n >= MOST_COUNTED ? `${t.number(MOST_COUNTED - 1)}+` : t.number(n);
    },
  };
}

/** The conversations that wait for anybody, oldest first, and since when the first of them waits. */
export function useQueue(): { first: Conversation | undefined; oldest: number | null } {
  const { data } = useInfiniteQuery(listQuery({ tray: 'unassigned', state: 'active', order: 'waiting' }));
  let first: Conversation | undefined;
  for (const c of data?.pages.flatMap((page) => page.items) ?? []) {
    const since = owedSince(c) ?? c.waiting_since;
    const best = first ? (owedSince(first) ?? first.waiting_since) : null;
    if (!first || (since !== null && (best === null || since < best))) first = c;
  }
  return { first, oldest: first ? (owedSince(first) ?? first.waiting_since) : null };
}

/** One click between Online and Ausente; the rest is one click further. */
export function useMyState() {
  const t = useT();
  const me = useMe();
  const client = useQueryClient();
  const { data: counts } = useQuery(countsQuery);
  const change = useMutation({
    mutationFn: (next: { state: ChosenState; reason?: string; until?: number }) => api.put('/me/state', next),
    onMutate: (next) => {
      client.setQueryData<Me | null>(keys.me, (now) =>
        now?.agent
          ? { ...now, agent: { ...now.agent, state: next.state, chosen: next.state, reason: next.reason ?? null, away_until: next.until ?? null } }
          : now,
      );
    },
    onError: (error) => {
      toast(explain(t, error), { tone: 'error' });
      void client.invalidateQueries({ queryKey: keys.me });
    },
  });
  // Who I am is asked once; how many chats I hold follows every event.
  const load = counts?.mine.active ?? me.agent?.load ?? 0;
  const agent = me.agent ? { ...me.agent, load, at_limit: me.agent.limit != null && load >= me.agent.limit } : null;
  return { agent, change };
}

/** The dialog for an absence with an end; one for the whole console. */
export const awayDialog = createStore(false);

export function reasonText(t: Translator, reason: string): string {
  return t.maybe(`state.reason.${reason}`) ?? reason;
}

export function StateMenuItems(): MenuItem[] {
  const t = useT();
  const { agent, change } = useMyState();
  const reasons = useMe().workspace?.away_reasons ?? [];
  const chosenTheme = useStore(theme);
  const soundOn = useStore(sound);
  const themes: Theme[] = ['system', 'light', 'dark'];
  return [
    {
      id: 'online',
      label: t('state.online'),
      checked: agent?.chosen === 'online',
      onSelect: () => change.mutate({ state: 'online' }),
    },
    {
      id: 'away',
      label: t('state.away'),
      checked: agent?.chosen === 'away' && !agent.reason,
      onSelect: () => change.mutate({ state: 'away' }),
    },
    ...reasons.map((reason) => ({
      id: `reason-${reason}`,
      label: t('state.away.with', { reason: reasonText(t, reason) }),
      checked: agent?.chosen === 'away' && agent.reason === reason,
      onSelect: () => change.mutate({ state: 'away' as const, reason }),
    })),
    { id: 'away-until', label: t('away.more'), icon: 'clock', onSelect: () => awayDialog.set(true) },
    ...themes.map((one, i) => ({
      id: `theme-${one}`,
      label: t(`theme.${one}`),
      icon: one === 'dark' ? ('moon' as const) : one === 'light' ? ('sun' as const) : ('screen' as const),
      checked: chosenTheme === one,
      separated: i === 0,
      onSelect: () => theme.set(one),
    })),
    { id: 'sound', label: t('alerts.sound'), checked: soundOn, separated: true, icon: 'bell', onSelect: () => sound.set(!soundOn) },
  ];
}

/** Where whoever has the panel, or just an account of their own, goes from the console. */
export function usePanel() {
  const t = useT();
  const { permissions } = useMe();
  const has = permissions.some((p) => ['routing:explain', 'users:manage', 'channels:manage', 'workspace:manage'].includes(p));
  return has
    ? { href: '/dashboard', icon: 'sliders' as const, label: t('rail.panel'), short: t('rail.panel.short') }
    : { href: '/dashboard/account', icon: 'user' as const, label: t('rail.account'), short: t('rail.account') };
}

export function Rail({ place, onStart, onPalette, onKeys }: { place: Place; onStart?: () => void; onPalette(): void; onKeys(): void }) {
  const t = useT();
  const now = useNow();
  const zone = useZone();
  const count = useCount();
  const queue = useQueue();
  const { data: groups } = useQuery(groupsQuery);
  const { agent, change } = useMyState();
  const items = StateMenuItems();
  const away = agent?.chosen === 'away';
  const until = agent?.away_until == null ? null : t('state.until', { time: clockTime(agent.away_until, t.language, zone) });
  const detail =
    agent?.state === 'away'
      ? [agent.reason ? reasonText(t, agent.reason) : null, until].filter(Boolean).join(' · ')
      : agent?.state === 'online' && agent.at_limit
        ? t('state.limit')
        : '';
  const panel = usePanel();
  return (
    <nav className="rail" aria-label={t('rail.label')}>
      <div className="brand">
        <Logo />
        <Wordmark />
      </div>
      {agent && (
        <div className="me card">
          <div className="top">
            <Avatar name={agent.name} state={agent.state} photo={agent.photo} />
            <div className="who-name grow">
              <div className="sm semi trunc" title={agent.name}>
                {agent.name}
              </div>
              <div className="flex">
                <button
                  type="button"
                  className="state"
                  aria-pressed={!away}
                  title={away ? t('state.go.online') : t('state.go.away')}
                  onClick={() => change.mutate({ state: away ? 'online' : 'away' })}
                >
                  <span className={`dot dot-${agent.state}`} />
                  {t(`state.${agent.state}`)}
                </button>
                <Menu
                  label={t('state.menu')}
                  items={items}
                  trigger={(props) => (
                    <button type="button" className="state state-more" aria-label={t('state.menu')} {...props}>
                      <Icon name="down" />
                    </button>
                  )}
                />
              </div>
            </div>
          </div>
          {detail && (
            <div className="xs muted trunc me-detail" title={agent.state === 'online' ? t('state.limit.text') : detail}>
              {detail}
            </div>
          )}
          <div>
            <div className="load">
              <span>{t('rail.load')}</span>
              <span className="num">
                <b>{agent.load}</b>
                {agent.limit != null && <>/{agent.limit}</>}
              </span>
            </div>
            {agent.limit != null && (
              <Seats load={agent.load} limit={agent.limit} label={t('rail.load.of', { load: agent.load, limit: agent.limit })} />
            )}
          </div>
        </div>
      )}
      <button type="button" className="item" onClick={onPalette} title={`${t('palette.title')} (Ctrl K)`}>
        <Icon name="search" />
        <span className="grow trunc">{t('palette.open')}</span>
        <Kbd>{'Ctrl K'}</Kbd>
      </button>
      {onStart && (
        <button type="button" className="item" onClick={onStart} title={`${t('start.title')} (Alt C)`}>
          <Icon name="plus" />
          <span className="grow trunc">{t('start.short')}</span>
          <Kbd>{'Alt C'}</Kbd>
        </button>
      )}
      <div className="sect">{t('rail.trays')}</div>
      {TRAYS.map((tray) => {
        const wait = tray === 'unassigned' && queue.oldest !== null ? duration(now - queue.oldest) : null;
        return (
          <Link
            key={tray}
            className="item"
            href={viewPath({ tray, state: 'active', order: 'waiting' })}
            aria-current={place.view.tray === tray && place.view.group === undefined ? 'page' : undefined}
            title={t(`tray.${tray}`)}
          >
            <Icon name={ICONS[tray]} />
            <span className="grow trunc">{t(`tray.${tray}`)}</span>
            {wait && (
              <span className="clock clock-amber num" title={t('queue.oldest', { wait })}>
                {wait}
              </span>
            )}
            <span className="num">{count.show(tray)}</span>
          </Link>
        );
      })}
      {groups && groups.length > 0 && (
        <>
          <div className="sect">{t('rail.groups')}</div>
          <div className="groups">
            {groups.map((group) => (
              <Link
                key={group.id}
                className="item wide"
                href={viewPath({ tray: 'unassigned', state: 'active', order: 'waiting', group: group.id })}
                aria-current={place.view.group === group.id ? 'page' : undefined}
              >
                {group.colour ? <span className="dot dot-group" style={{ background: group.colour }} /> : <Icon name="inbox" />}
                <span className="grow trunc">{group.name}</span>
              </Link>
            ))}
          </div>
        </>
      )}
      <div className="spring" />
      <Link className="item" href={panel.href} title={panel.label}>
        <Icon name={panel.icon} />
        <span className="grow trunc">{panel.label}</span>
      </Link>
      <button type="button" className="item" onClick={onKeys} title={t('keys.title')}>
        <Icon name="keyboard" />
        <span className="grow trunc">{t('keys.title')}</span>
        <Kbd>?</Kbd>
      </button>
    </nav>
  );
}
