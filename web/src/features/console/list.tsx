import { agentsQuery, channelsQuery, groupsQuery, listQuery } from '@/api/queries';
import type { Conversation } from '@/api/types';
import { useT } from '@/i18n';
import { useNow } from '@/lib/clock';
import { closedNow, closedWords, openMs } from '@/lib/hours';
import { useMay, useMe, useZone } from '@/lib/me';
import { customerName } from '@/lib/names';
import { useStore } from '@/lib/store';
import { clockTime, countdown, daysAgo, duration, exact, shortDate } from '@/lib/time';
import { clockTotal, compare, owedSince } from '@/realtime/cache';
import { Avatar, Button, ChannelMark, ClockRing, Empty, Failure, Icon, IconButton, Menu, Skeleton } from '@/ui';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useEffect, useMemo, useReducer, useRef, useState, type KeyboardEvent } from 'react';
import { Link } from 'wouter';
import { useAct } from './actions';
import { StruckBanner } from './away';
import { BulkBar, chosen, leaving, toggle } from './bulk';
import { draftOf, drafts } from './drafts';
import { useCount, useQueue } from './rail';
import { Ticks } from './ticks';
import { ORDERS, STATES, TRAYS, viewPath, type Place } from './view';

const ROW = 64;
const HEAD = 32;
const SEARCH_MS = 250;

type Line = { kind: 'head'; id: string; title: string; count: string } | { kind: 'row'; id: number; c: Conversation } | { kind: 'more'; id: 'more' };

/** The loaded conversations of a view in its order, for the list and for moving through it by key. */
export function useRows(place: Place) {
  const query = useInfiniteQuery(listQuery(place.view));
  const rows = useMemo(() => {
    const items = new Map<number, Conversation>();
    for (const page of query.data?.pages ?? []) for (const item of page.items) items.set(item.id, item);
    return [...items.values()].sort((a, b) => compare(place.view.order, a, b));
  }, [query.data, place.view.order]);
  return { query, rows };
}

/** Keeps rows where they are while the pointer is over them; returns how many would move. */
function useSettled(rows: Conversation[], hold: boolean, view: string): { shown: Conversation[]; pending: number; apply(): void } {
  const kept = useRef<{ view: string; ids: number[] }>({ view: '', ids: [] });
  const [applied, apply] = useReducer((n: number) => n + 1, 0);
  const settled = useMemo(() => {
    // `applied` counts the times that somebody asked for the true order.
    void applied;
    const before = kept.current;
    if (!hold || before.view !== view || before.ids.length === 0) return { shown: rows, pending: 0 };
    const byId = new Map(rows.map((c) => [c.id, c]));
    const still = before.ids.flatMap((id) => byId.get(id) ?? []);
    const known = new Set(before.ids);
    const shown = [...still, ...rows.filter((c) => !known.has(c.id))];
    return { shown, pending: shown.filter((c, i) => rows[i]?.id !== c.id).length };
  }, [rows, hold, view, applied]);
  useEffect(() => {
    kept.current = { view, ids: settled.shown.map((c) => c.id) };
  }, [view, settled]);
  return {
    ...settled,
    apply: () => {
      kept.current = { view: '', ids: [] };
      apply();
    },
  };
}

export function List({ place }: { place: Place }) {
  const t = useT();
  const { view } = place;
  const { query, rows } = useRows(place);
  const [over, setOver] = useState(false);
  const gone = useStore(leaving);
  const present = useMemo(() => (gone.size > 0 ? rows.filter((c) => !gone.has(c.id)) : rows), [rows, gone]);
  const settled = useSettled(present, over, JSON.stringify(view));
  const choosing = useStore(chosen);
  const count = useCount();
  const scroller = useRef<HTMLDivElement>(null);
  const [filters, setFilters] = useState(false);

  const lines = useMemo<Line[]>(() => {
    const row = (c: Conversation): Line => ({ kind: 'row', id: c.id, c });
    const more: Line[] = query.hasNextPage ? [{ kind: 'more', id: 'more' }] : [];
    if (view.order !== 'waiting' || view.state !== 'active' || view.tray === 'bot') return [...settled.shown.map(row), ...more];
    const owed = settled.shown.filter((c) => owedSince(c) !== null);
    const calm = settled.shown.filter((c) => owedSince(c) === null);
    // Of a part that goes on beyond what is loaded, only the least is known.
    const head = (id: string, title: string, n: number, whole: boolean): Line[] =>
      n > 0 ? [{ kind: 'head', id, title, count: t.number(n) + (whole ? '' : '+') }] : [];
    return [
      ...head('owed', view.tray === 'mine' ? t('list.owed.mine') : t('list.owed'), owed.length, calm.length > 0 || !query.hasNextPage),
      ...owed.map(row),
      ...head('calm', t('list.calm'), calm.length, !query.hasNextPage),
      ...calm.map(row),
      ...more,
    ];
  }, [settled.shown, view.order, view.state, view.tray, query.hasNextPage, t]);

  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: (i) => (lines[i]?.kind === 'head' ? HEAD : ROW),
    getItemKey: (i) => lines[i]?.id ?? i,
    overscan: 8,
  });
  const items = virtual.getVirtualItems();
  const lastShown = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (query.hasNextPage && !query.isFetchingNextPage && lastShown >= lines.length - 12) void query.fetchNextPage();
  }, [query, lastShown, lines.length]);

  const more = query.fetchNextPage;
  const hasMore = query.hasNextPage && !query.isFetchingNextPage;
  const tall = virtual.getTotalSize();
  const memory = `ronda.scroll.${viewPath(view)}`;
  const wanted = useRef<{ memory: string; top: number } | null>(null);
  useEffect(() => {
    // Where the list stood before a reload: what is above it is loaded first.
    if (wanted.current?.memory !== memory) wanted.current = { memory, top: Number(sessionStorage.getItem(memory) ?? 0) };
    const box = scroller.current;
    const { top } = wanted.current;
    if (!box || !top || query.isPending) return;
    if (tall - box.clientHeight < top && hasMore) void more();
    else if (tall - box.clientHeight >= top || !query.hasNextPage) {
      box.scrollTop = top;
      wanted.current.top = 0;
    }
  }, [memory, tall, hasMore, more, query.isPending, query.hasNextPage]);
  const remember = () => {
    if (wanted.current?.memory === memory && wanted.current.top === 0) sessionStorage.setItem(memory, String(Math.round(scroller.current?.scrollTop ?? 0)));
  };

  useEffect(() => {
    const at = lines.findIndex((line) => line.kind === 'row' && line.id === place.open);
    if (at >= 0) virtual.scrollToIndex(at, { align: 'auto' });
    // Only when another conversation is opened: the list must not follow its own changes.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [place.open]);

  const move = (event: KeyboardEvent) => {
    const by = event.key === 'ArrowDown' || event.key === 'j' ? 1 : event.key === 'ArrowUp' || event.key === 'k' ? -1 : 0;
    if (!by || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const order = settled.shown;
    const at = order.findIndex((c) => c.id === place.open);
    const next = order[at < 0 ? 0 : at + by];
    if (next) place.go({}, next.id);
  };

  return (
    <section className="list" aria-label={t('list.label')}>
      <StruckBanner />
      <div className="lh">
        <div className="flex gap-1">
          <h1 className="grow trunc">{t(`tray.${view.tray}`)}</h1>
          <IconButton icon="check" label={t('bulk.choose')} on={choosing !== null} aria-pressed={choosing !== null} onClick={() => chosen.set(choosing === null ? new Set() : null)} />
          <IconButton icon="filter" label={t('list.filters')} on={filters || hasFilters(place)} aria-expanded={filters} onClick={() => setFilters(!filters)} />
          <Menu
            label={t('list.order')}
            align="end"
            items={ORDERS.map((order) => ({
              id: order,
              label: t(`order.${order}`),
              checked: view.order === order,
              onSelect: () => place.go({ order }),
            }))}
            trigger={(props) => <IconButton icon="sort" label={t('list.order')} {...props} />}
          />
        </div>
        <div className="trays" role="tablist" aria-label={t('rail.trays')}>
          {TRAYS.map((tray) => (
            <button key={tray} type="button" role="tab" aria-selected={view.tray === tray} onClick={() => place.go({ tray, group: undefined, owner: undefined }, null)}>
              {t(`tray.${tray}`)} <span className="num">{count.show(tray)}</span>
            </button>
          ))}
        </div>
        <div className="states" role="tablist" aria-label={t('list.states')}>
          {STATES.map((state) => (
            <button key={state} type="button" role="tab" aria-selected={view.state === state} onClick={() => place.go({ state, ...(state === 'active' ? {} : { owed: undefined }) }, null)}>
              {t(`trayState.${state}`)} <span className="num">{count.show(view.tray, state)}</span>
            </button>
          ))}
        </div>
        {(filters || hasFilters(place)) && <Filters place={place} focus={filters} />}
      </div>
      {settled.pending > 0 && over && (
        <button type="button" className="chip is-on pending" onClick={settled.apply}>
          {t('list.pending', { n: settled.pending })}
        </button>
      )}
      <div
        ref={scroller}
        className="rows"
        tabIndex={0}
        role={lines.length > 0 ? 'listbox' : 'region'}
        aria-label={t('list.label')}
        aria-multiselectable={choosing !== null && lines.length > 0 ? true : undefined}
        aria-activedescendant={
          items.some((item) => lines[item.index]?.id === place.open) ? `row-${place.open}` : undefined
        }
        onScroll={remember}
        onPointerEnter={(event) => event.pointerType === 'mouse' && setOver(true)}
        onPointerLeave={() => setOver(false)}
        onKeyDown={move}
      >
        {query.isPending ? (
          <Placeholder />
        ) : query.isError && !query.data ? (
          <Failure error={query.error} retry={() => void query.refetch()} />
        ) : lines.length === 0 ? (
          <Nothing place={place} />
        ) : (
          <div className="tall" style={{ height: virtual.getTotalSize() }}>
            {items.map((item) => {
              const line = lines[item.index];
              if (!line) return null;
              return (
                <div key={item.key} className="slot" style={{ transform: `translateY(${item.start}px)`, height: item.size }}>
                  {line.kind === 'head' ? (
                    <div className="lsect" role="presentation">
                      {line.title}
                      <span className="num">{line.count}</span>
                      {item.index === 0 && <span className="push">{t(`order.${view.order}.short`)}</span>}
                    </div>
                  ) : line.kind === 'row' ? (
                    <Row c={line.c} picked={choosing === null ? null : choosing.has(line.id)} selected={place.open === line.id} href={place.path({}, line.id)} tray={view.tray} closed={view.state === 'closed'} />
                  ) : (
                    <RowSkeleton />
                  )}
                </div>
              );
            })}
          </div>
        )}
      </div>
      {choosing === null ? <QueueBar place={place} /> : <BulkBar rows={settled.shown} view={viewPath(view)} />}
    </section>
  );
}

function hasFilters({ view }: Place): boolean {
  return view.channel !== undefined || view.group !== undefined || view.owner !== undefined || !!view.owed || !!view.q;
}

function Filters({ place, focus }: { place: Place; focus: boolean }) {
  const t = useT();
  const { view } = place;
  const mayChannels = useMay('channels:manage');
  const { data: channels } = useQuery({ ...channelsQuery, enabled: mayChannels });
  const { data: groups } = useQuery(groupsQuery);
  const { data: agents } = useQuery(agentsQuery);
  const [q, setQ] = useState(view.q ?? '');
  const asked = useRef(view.q ?? '');
  const go = useRef(place.go);
  useEffect(() => {
    go.current = place.go;
  });
  useEffect(() => {
    if (q === asked.current) return;
    const timer = setTimeout(() => {
      asked.current = q;
      go.current({ q: q || undefined }, undefined, true);
    }, SEARCH_MS);
    return () => clearTimeout(timer);
  }, [q]);
  useEffect(() => {
    // A step back or a link changed it.
    if ((view.q ?? '') === asked.current) return;
    asked.current = view.q ?? '';
    setQ(asked.current);
  }, [view.q]);
  const number = (value: string) => (value ? Number(value) : undefined);
  const picks = [
    ...(mayChannels ? [{ name: 'channel' as const, label: t('filter.channel'), options: channels }] : []),
    { name: 'group' as const, label: t('filter.group'), options: groups },
    ...(view.tray === 'agents' ? [{ name: 'owner' as const, label: t('filter.owner'), options: agents }] : []),
  ];
  return (
    <div className="filters">
      <div className="input-group">
        <Icon name="search" />
        <input
          className="input"
          type="search"
          autoFocus={focus}
          placeholder={t('filter.search')}
          aria-label={t('filter.search')}
          value={q}
          onChange={(event) => setQ(event.target.value)}
        />
      </div>
      <div className="flex gap-1 wrap">
        {picks.map(({ name, label, options }) => (
          <select
            key={name}
            className={view[name] !== undefined ? 'chip chip-select is-on' : 'chip chip-select'}
            aria-label={label}
            value={view[name] ?? ''}
            onChange={(event) => place.go({ [name]: number(event.target.value) })}
          >
            <option value="">{label}</option>
            {options?.map((option) => (
              <option key={option.id} value={option.id}>
                {option.name}
              </option>
            ))}
          </select>
        ))}
        {view.state === 'active' && (
          <button type="button" className={view.owed ? 'chip is-on' : 'chip'} aria-pressed={!!view.owed} onClick={() => place.go({ owed: view.owed ? undefined : true })}>
            {t('filter.owed')}
          </button>
        )}
        {hasFilters(place) && (
          <button
            type="button"
            className="chip"
            onClick={() => {
              setQ('');
              place.go({ channel: undefined, group: undefined, owner: undefined, owed: undefined, q: undefined });
            }}
          >
            <Icon name="x" />
            {t('filter.clear')}
          </button>
        )}
      </div>
    </div>
  );
}

interface RowProps {
  c: Conversation;
  /** Whether it is among the chosen; `null` while nobody chooses. */
  picked: boolean | null;
  selected: boolean;
  href: string;
  tray: string;
  closed: boolean;
}

export const Row = memo(function Row({ c, picked, selected, href, tray, closed }: RowProps) {
  const t = useT();
  const draft = draftOf(useStore(drafts), c.id).reply;
  const unread = c.unread > 0 || c.marked_unread;
  return (
    <Link
      id={`row-${c.id}`}
      className={unread ? 'row is-unread' : 'row'}
      href={href}
      role="option"
      aria-selected={picked ?? selected}
      tabIndex={picked === null ? -1 : 0}
      onClick={(event) => {
        if (picked === null) return;
        event.preventDefault();
        toggle(c.id);
      }}
      onKeyDown={(event) => {
        if (picked === null || event.key !== ' ') return;
        event.preventDefault();
        toggle(c.id);
      }}
    >
      {picked !== null && (
        <span className={picked ? 'tick-box is-on' : 'tick-box'} aria-hidden="true">
          {picked && <Icon name="check" size={12} />}
        </span>
      )}
      <Who c={c} />
      <span className="lines">
        <span className="l1">
          <span className="name trunc" dir="auto">
            {customerName(t, c)}
          </span>
          {c.group && <span className="group">{c.group.name}</span>}
          <Times c={c} closed={closed} />
        </span>
        <span className="l2">
          {draft ? (
            <span className="last trunc" dir="auto">
              <span className="draft">{t('list.draft')}</span> {draft}
            </span>
          ) : (
            <Last c={c} />
          )}
          {tray !== 'mine' && c.owner && <span className="badge owner">{c.owner.name.split(' ')[0]}</span>}
          {c.window.state === 'closed' && c.state === 'active' && (
            <span className="badge" title={t('window.closed')}>
              <Icon name="window" />
            </span>
          )}
          {c.unread > 0 ? (
            <span className="count" aria-label={t('list.unread', { n: c.unread })}>
              {c.unread > 99 ? '99+' : c.unread}
            </span>
          ) : (
            c.marked_unread && <span className="count count-dot" role="img" aria-label={t('list.marked')} />
          )}
        </span>
      </span>
    </Link>
  );
});

function Who({ c }: { c: Conversation }) {
  const t = useT();
  return (
    <span className="who">
      {c.rotate_at !== null && <ClockRing rotateAt={c.rotate_at} total={clockTotal(c)} closed={c.closed_spans} />}
      <Avatar name={customerName(t, c)} size={36} />
      <ChannelMark kind={c.channel_account.kind} />
    </span>
  );
}

function Times({ c, closed }: { c: Conversation; closed: boolean }) {
  const t = useT();
  const now = useNow();
  const zone = useZone();
  const owed = closed ? null : owedSince(c);
  const at = closed ? (c.closed_at ?? c.last_activity_at) : c.last_activity_at;
  const left = c.rotate_at === null ? null : openMs(c.closed_spans, now, c.rotate_at);
  const shut = closedNow(c.closed_spans, now);
  const overdue = owed !== null && left !== null && left <= 0;
  const total = clockTotal(c);
  const soon = !shut && left !== null && left > 0 && total !== null && left <= total / 2;
  if (owed === null) {
    const text = daysAgo(at, now, zone) === 0 ? clockTime(at, t.language, zone) : shortDate(at, now, t.language, zone);
    return (
      <time className="wait" title={exact(at, t.language, zone)}>
        {text}
      </time>
    );
  }
  return (
    <>
      {shut && !overdue && (
        <span className="clock push" title={closedWords(t, c.place, shut, now, zone)}>
          <Icon name="moon" />
          <span className="sr">{closedWords(t, c.place, shut, now, zone)}</span>
        </span>
      )}
      {soon && (
        <span className="clock clock-amber push" title={t('clock.rotates', { in: countdown(left) })}>
          <Icon name="turn" />
          {countdown(left)}
        </span>
      )}
      {!soon && <Level c={c} now={now} />}
      <span className={overdue ? 'wait c-red' : soon ? 'wait wait-tight' : 'wait'} title={t('clock.owed.since', { at: exact(owed, t.language, zone) })}>
        {overdue ? t('clock.overdue.for', { wait: duration(now - owed) }) : duration(now - owed)}
      </span>
    </>
  );
}

/** The promised answer, once it is at risk: before that it would only be noise. */
function Level({ c, now }: { c: Conversation; now: number }) {
  const t = useT();
  const level = c.service;
  if (!level || now < level.risk_at) return null;
  const over = now >= level.due_at;
  const words = over ? t('level.over', { for: duration(now - level.due_at) }) : t('level.risk', { in: countdown(level.due_at - now) });
  return (
    <span className={over ? 'badge badge-red push' : 'badge badge-amber push'} title={words}>
      <Icon name="clock" />
      <span className="sr">{words}</span>
    </span>
  );
}

function Last({ c }: { c: Conversation }) {
  const t = useT();
  const last = c.last_message;
  if (!last) return <span className="last trunc faint">{t('list.empty.preview')}</span>;
  const word = last.preview || t.maybe(`kind.${last.kind}`) || t('kind.unsupported');
  return (
    <>
      {last.direction === 'out' && <Ticks status={last.status ?? null} />}
      {last.direction === 'note' && <Icon name="note" />}
      {last.direction === 'out' && last.author === 'bot' && <Icon name="bot" />}
      <span className="last trunc" dir="auto">
        {word}
      </span>
    </>
  );
}

function QueueBar({ place }: { place: Place }) {
  const t = useT();
  const now = useNow();
  const count = useCount();
  const queue = useQueue();
  const act = useAct();
  const may = useMay('conversations:take');
  const me = useMe();
  const waiting = count.data?.unassigned.active ?? 0;
  if (!queue.first || waiting === 0 || !me.agent) return null;
  const first = queue.first;
  return (
    <div className="queue">
      <div className="grow">
        <div className="sm medium">{t('queue.waiting', { n: waiting })}</div>
        {queue.oldest !== null && (
          <div className="xs muted">{t.rich('queue.oldest', { wait: <b className="clock clock-amber">{duration(now - queue.oldest)}</b> })}</div>
        )}
      </div>
      {may && (
        <Button
          size="sm"
          busy={act.isPending}
          onClick={() =>
            act.mutate(
              { id: first.id, verb: 'take', body: { seen: first.epoch } },
              { onSuccess: () => place.go({ tray: 'mine', state: 'active' }, first.id) },
            )
          }
        >
          {t('queue.take')}
        </Button>
      )}
    </div>
  );
}

function Nothing({ place }: { place: Place }) {
  const t = useT();
  const { view } = place;
  if (hasFilters(place)) {
    return (
      <Empty icon="search" title={t('list.none.filtered')}>
        {t('list.none.filtered.text')}
      </Empty>
    );
  }
  const mine = view.tray === 'mine' && view.state === 'active';
  return (
    <Empty icon={mine ? 'done' : 'inbox'} title={mine ? t('list.none.mine') : t('list.none')}>
      {mine ? t('list.none.mine.text') : t('list.none.text')}
    </Empty>
  );
}

function RowSkeleton() {
  return (
    <div className="row" aria-hidden="true">
      <Skeleton width={36} height={36} round />
      <span className="lines">
        <Skeleton width="55%" />
        <Skeleton width="85%" />
      </span>
    </div>
  );
}

function Placeholder() {
  const t = useT();
  return (
    <div role="status" aria-label={t('common.loading')}>
      {Array.from({ length: 7 }, (_, i) => (
        <RowSkeleton key={i} />
      ))}
    </div>
  );
}
