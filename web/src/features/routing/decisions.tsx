import { api } from '@/api/client';
import { agentsQuery } from '@/api/queries';
import type { Decision, Funnel, Page as Paged } from '@/api/types';
import { useT } from '@/i18n';
import { serverNow } from '@/lib/clock';
import { sentence } from '@/lib/decisions';
import { customerName } from '@/lib/names';
import { useZone } from '@/lib/me';
import { clockSeconds, clockTime, dayKey, daysAgo, exact, longDate } from '@/lib/time';
import { Avatar, Badge, Button, Empty, Failure, Icon, Loading, Page, type IconName } from '@/ui';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState, type CSSProperties } from 'react';
import { Link, useLocation, useSearch } from 'wouter';

const ACTS = ['enqueue', 'assign', 'rotate', 'keep', 'release', 'requeue', 'exhaust', 'take', 'transfer', 'decline', 'return', 'close', 'return_to_bot', 'amnesty'] as const;
const TONES: Record<string, { icon: IconName; tone: string }> = {
  assign: { icon: 'turn', tone: 'g' },
  rotate: { icon: 'transfer', tone: 'a' },
  keep: { icon: 'clock', tone: 'a' },
  release: { icon: 'undo', tone: 'a' },
  requeue: { icon: 'undo', tone: 'a' },
  exhaust: { icon: 'warn', tone: 'r' },
  take: { icon: 'user', tone: '' },
  transfer: { icon: 'transfer', tone: '' },
  decline: { icon: 'undo', tone: 'a' },
  return: { icon: 'undo', tone: 'a' },
  close: { icon: 'done', tone: '' },
  enqueue: { icon: 'window', tone: '' },
  return_to_bot: { icon: 'bot', tone: '' },
};

export default function Decisions() {
  const t = useT();
  const zone = useZone();
  const [path, go] = useLocation();
  const search = new URLSearchParams(useSearch());
  const { data: agents } = useQuery(agentsQuery);
  const [open, setOpen] = useState<number | null>(null);
  const filter = {
    act: search.get('act') ?? undefined,
    reason: search.get('reason') ?? undefined,
    from: search.get('from') ?? undefined,
    to: search.get('to') ?? undefined,
    agent: search.get('agent') ?? undefined,
    conversation: search.get('conversation') ?? undefined,
  };
  const set = (name: string, value: string) => {
    const next = new URLSearchParams(search);
    if (value) next.set(name, value);
    else next.delete(name);
    go(`${path}${next.size > 0 ? `?${next}` : ''}`, { replace: true });
  };
  const query = useInfiniteQuery({
    queryKey: ['decisions', 'live', filter],
    queryFn: ({ pageParam, signal }) => api.get<Paged<Decision>>('/routing-decisions', { ...filter, limit: 50, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  const names = (id: number) => agents?.find((agent) => agent.id === id)?.name;
  return (
    <Page title={t('nav.decisions')} purpose={t('decisions.purpose')} className="page-flush">
      <div className="filters-bar">
        <select className={filter.act ? 'chip chip-select is-on' : 'chip chip-select'} aria-label={t('decisions.act')} value={filter.act ?? ''} onChange={(event) => set('act', event.target.value)}>
          <option value="">{t('decisions.act')}</option>
          {ACTS.map((act) => (
            <option key={act} value={act}>
              {t(`act.name.${act}`)}
            </option>
          ))}
        </select>
        <select className={filter.agent ? 'chip chip-select is-on' : 'chip chip-select'} aria-label={t('decisions.agent')} value={filter.agent ?? ''} onChange={(event) => set('agent', event.target.value)}>
          <option value="">{t('decisions.agent')}</option>
          {agents?.map((agent) => (
            <option key={agent.id} value={agent.id}>
              {agent.name}
            </option>
          ))}
        </select>
        {filter.reason && (
          <button type="button" className="chip is-on" onClick={() => set('reason', '')}>
            {t.maybe(`reason.name.${filter.reason}`) ?? filter.reason}
            <Icon name="x" />
          </button>
        )}
        {(filter.from ?? filter.to) !== undefined && (
          <button
            type="button"
            className="chip is-on"
            onClick={() => {
              const next = new URLSearchParams(search);
              next.delete('from');
              next.delete('to');
              go(`${path}${next.size > 0 ? `?${next}` : ''}`, { replace: true });
            }}
          >
            {[filter.from, filter.to].map((at) => (at === undefined ? '' : exact(Number(at), t.language, zone))).join(' – ')}
            <Icon name="x" />
          </button>
        )}
        {filter.conversation && (
          <button type="button" className="chip is-on" onClick={() => set('conversation', '')}>
            {t('decisions.one', { id: items[0]?.conversation?.number ?? filter.conversation })}
            <Icon name="x" />
          </button>
        )}
      </div>
      {query.isPending ? (
        <Loading lines={8} />
      ) : query.error && items.length === 0 ? (
        <Failure error={query.error} retry={() => void query.refetch()} />
      ) : items.length === 0 ? (
        <Empty icon="list" title={t('decisions.none')}>
          {t('decisions.none.text')}
        </Empty>
      ) : (
        <>
          {items.map((decision, i) => {
            const before = items[i - 1];
            const newDay = !before || dayKey(before.at, zone) !== dayKey(decision.at, zone);
            return (
              <div key={decision.seq}>
                {newDay && <DayLine at={decision.at} />}
                <Line
                  decision={decision}
                  names={names}
                  open={open === decision.seq}
                  filter={filter.conversation !== undefined}
                  onToggle={() => setOpen(open === decision.seq ? null : decision.seq)}
                  onOnly={() => set('conversation', String(decision.conversation?.id ?? ''))}
                />
              </div>
            );
          })}
          <div className="pager">
            <span className="xs muted grow">{t('decisions.dense')}</span>
            {query.hasNextPage && (
              <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                {t('decisions.older')}
              </Button>
            )}
          </div>
        </>
      )}
    </Page>
  );
}

function DayLine({ at }: { at: number }) {
  const t = useT();
  const zone = useZone();
  const ago = daysAgo(at, serverNow(), zone);
  const long = longDate(at, t.language, zone);
  return <div className="day2">{ago === 0 ? `${t('day.today')}, ${long}` : ago === 1 ? `${t('day.yesterday')}, ${long}` : long}</div>;
}

interface LineProps {
  decision: Decision;
  names(id: number): string | undefined;
  open: boolean;
  /** Whether the list already shows one conversation. */
  filter: boolean;
  onToggle(): void;
  onOnly(): void;
}

function Line({ decision, names, open, filter, onToggle, onOnly }: LineProps) {
  const t = useT();
  const zone = useZone();
  const { icon, tone } = TONES[decision.act] ?? { icon: 'turn' as const, tone: '' };
  const about = decision.conversation;
  const funnel = decision.funnel && decision.funnel.members > 0 ? decision.funnel : null;
  return (
    <div className={open ? 'dec is-open' : 'dec'}>
      <div className="dl">
        <button type="button" className="dl-b" aria-expanded={open} onClick={onToggle}>
          <Icon name={open ? 'down' : 'right'} size={14} />
          <time className="num">{clockSeconds(decision.at, t.language, zone)}</time>
          <span className={`di ${tone}`}>
            <Icon name={icon} size={14} />
          </span>
          <span className="grow">{sentence(t, decision, names)}</span>
        </button>
        {about && (
          <Link className="dl-c" href={`/agent/agents/${about.id}`}>
            <span className="num">{`#${about.number}`}</span>
            <span className="trunc" dir="auto">
              {customerName(t, about)}
            </span>
          </Link>
        )}
        <Badge>{t.maybe(`act.name.${decision.act}`) ?? decision.act}</Badge>
        <span className="num faint no">{t.number(decision.seq)}</span>
      </div>
      {open && (
        <div className="dec-body">
          {funnel ? <FunnelView funnel={funnel} names={names} /> : <p className="sm muted">{t('funnel.manual')}</p>}
          <div className="facts-d">
            <dl className="facts-d">
              {decision.to && decision.act !== 'keep' && (
                <div>
                  <dt>{t('funnel.chosen')}</dt>
                  <dd>
                    <Avatar name={decision.to.name} size={20} />
                    {decision.to.name}
                  </dd>
                </div>
              )}
              <div>
                <dt>{t('funnel.at')}</dt>
                <dd className="num">{clockTime(decision.at, t.language, zone)}</dd>
              </div>
              <div>
                <dt>{t('funnel.rules')}</dt>
                <dd>{t('funnel.version', { version: decision.policy_version })}</dd>
              </div>
            </dl>
            {about && !filter && (
              <button type="button" className="btn btn-secondary btn-sm" onClick={onOnly}>
                <Icon name="filter" />
                {t('decisions.only')}
              </button>
            )}
          </div>
        </div>
      )}
    </div>
  );
}

/** From everybody considered to the one chosen: the steps add up, on screen, always. */
export function FunnelView({ funnel, names }: { funnel: Funnel; names(id: number): string | undefined }) {
  const t = useT();
  let left = funnel.members;
  const steps = funnel.lost.map((lost) => {
    left -= lost.count;
    return { code: lost.reason ?? lost.reject ?? '', lost: lost.count, left };
  });
  const part = (n: number) => ({ width: `${(n / Math.max(1, funnel.members)) * 100}%` }) as CSSProperties;
  const chosen = funnel.chosen != null ? 1 : 0;
  const sum = [...funnel.lost.map((lost) => lost.count), ...(chosen ? [1] : [])];
  const rivals = funnel.finalists.map((finalist) => {
    const id = typeof finalist.agent === 'number' ? finalist.agent : finalist.agent.id;
    const name = finalist.name ?? (typeof finalist.agent === 'number' ? names(id) : finalist.agent.name) ?? `#${id}`;
    return { id, name, load: finalist.load, limit: finalist.limit ?? null };
  });
  return (
    <div className="fn">
      <div className="fr">
        <span>{t('funnel.members')}</span>
        <span className="fb">
          <i style={part(funnel.members)} />
        </span>
        <span className="left num">{funnel.members}</span>
        <span />
      </div>
      {steps.map((step) => (
        <div key={step.code} className={step.left === chosen && chosen ? 'fr last' : 'fr'}>
          <span>{t.maybe(`step.${step.code}`) ?? step.code}</span>
          <span className="fb">
            <i style={part(step.left)} />
            <i className="lost" style={part(step.lost)} />
          </span>
          <span className="left num">{step.left}</span>
          <span className="minus num">−{step.lost}</span>
        </div>
      ))}
      <div className="sum-line">
        <b className="num">
          {funnel.members} = {sum.length > 0 ? sum.join(' + ') : 0}
        </b>
        <span className="muted">{t.maybe(`by.${funnel.by}`)}</span>
      </div>
      {rivals.length > 0 && (
        <div className="flex gap-3 wrap xs muted">
          {rivals.map((rival) => (
            <span key={rival.id} className="flex gap-1">
              <Avatar name={rival.name} size={20} />
              {rival.name}
              <span className="num">
                {rival.load}
                {rival.limit !== null && `/${rival.limit}`}
              </span>
            </span>
          ))}
        </div>
      )}
    </div>
  );
}
