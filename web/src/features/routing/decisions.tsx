import { api } from '@/api/client';
import { agentsQuery, groupsQuery, routingQuery } from '@/api/queries';
import type { Decision, DecisionChain, DecisionReplay, Funnel, Page as Paged } from '@/api/types';
import { useT } from '@/i18n';
import { serverNow } from '@/lib/clock';
import { reasonParams, sentence } from '@/lib/decisions';
import { customerName } from '@/lib/names';
import { useZone } from '@/lib/me';
import { clockSeconds, clockTime, dayKey, daysAgo, exact, longDate } from '@/lib/time';
import { lostText, nextChange, nobodyHas } from '@/lib/waiting';
import { Avatar, Badge, Button, Empty, Failure, Icon, Loading, Page, type IconName } from '@/ui';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState, type CSSProperties } from 'react';
import { Link, useLocation, useSearch } from 'wouter';

const ACTS = ['enqueue', 'assign', 'rotate', 'keep', 'release', 'requeue', 'exhaust', 'take', 'transfer', 'decline', 'return', 'close', 'return_to_bot', 'amnesty'] as const;
const BY_HAND: readonly string[] = ['take', 'transfer', 'decline', 'return_to_bot', 'pause'];
/** What people do, and not the system. */
const byHand = ({ act, reason }: Decision) => BY_HAND.includes(act) || (act === 'close' && reasonParams(reason)['by'] != null);
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

const REASONS = ['in_turn', 'affinity', 'reserved', 'no_answer', 'now_available', 'only_candidate', 'nobody_available', 'all_full', 'rounds_used', 'owner_gone', 'taken', 'transferred', 'declined', 'late_reply', 'came_back', 'no_life', 'outage_over'] as const;
/** How far back, in days; today begins at midnight of the workspace. */
const RANGES = { today: 0, week: 7, month: 30 } as const;
type Range = keyof typeof RANGES;

const DAY_MS = 86_400_000;

/** The first instant of a range: whole days back from the midnight before. */
export function rangeStart(range: Range, now: number, zone?: string): number {
  let at = now - RANGES[range] * DAY_MS;
  const day = dayKey(at, zone);
  // Back to midnight by quarters of an hour: every zone's midnight lies on one.
  at -= at % 900_000;
  while (dayKey(at - 1, zone) === day) at -= 900_000;
  return at;
}

interface Option {
  value: string;
  label: string;
}

export default function Decisions() {
  const t = useT();
  const zone = useZone();
  const [path, go] = useLocation();
  const search = new URLSearchParams(useSearch());
  const { data: agents } = useQuery(agentsQuery);
  const { data: groups } = useQuery(groupsQuery);
  const [open, setOpen] = useState<number | null>(null);
  const chosen = (name: string) => search.get(name) ?? undefined;
  const filter = { act: chosen('act'), reason: chosen('reason'), from: chosen('from'), to: chosen('to'), agent: chosen('agent'), group: chosen('group'), conversation: chosen('conversation') };
  const range = chosen('range');
  const since = range !== undefined && range in RANGES ? rangeStart(range as Range, serverNow(), zone) : undefined;
  const set = (name: string, value: string) => {
    const next = new URLSearchParams(search);
    if (value) next.set(name, value);
    else next.delete(name);
    go(`${path}${next.size > 0 ? `?${next}` : ''}`, { replace: true });
  };
  const query = useInfiniteQuery({
    queryKey: ['decisions', 'live', filter, since],
    queryFn: ({ pageParam, signal }) => api.get<Paged<Decision>>('/routing-decisions', { ...filter, from: filter.from ?? since, limit: 50, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  const names = (id: number) => agents?.find((agent) => agent.id === id)?.name;
  const filtered = search.size > 0;
  // Links from reports may ask for any other.
  const reasons: string[] = filter.reason === undefined || REASONS.some((known) => known === filter.reason) ? [...REASONS] : [...REASONS, filter.reason];
  const choices: { name: keyof typeof filter | 'range'; label: string; options: Option[] }[] = [
    { name: 'range', label: t('decisions.when'), options: Object.keys(RANGES).map((value) => ({ value, label: t(`decisions.range.${value as Range}`) })) },
    { name: 'act', label: t('decisions.act'), options: ACTS.map((value) => ({ value, label: t(`act.name.${value}`) })) },
    { name: 'reason', label: t('decisions.reason'), options: reasons.map((value) => ({ value, label: t.maybe(`reason.name.${value}`) ?? value })) },
    { name: 'agent', label: t('decisions.agent'), options: (agents ?? []).map((agent) => ({ value: String(agent.id), label: agent.name })) },
    { name: 'group', label: t('decisions.group'), options: (groups ?? []).map((group) => ({ value: String(group.id), label: group.name })) },
  ];
  return (
    <Page title={t('nav.decisions')} purpose={t('decisions.purpose')} className="page-flush">
      <div className="filters-bar">
        {choices
          .filter((choice) => choice.options.length > 0)
          .map(({ name, label, options }) => (
            <select key={name} className={chosen(name) ? 'chip chip-select is-on' : 'chip chip-select'} aria-label={label} value={chosen(name) ?? ''} onChange={(event) => set(name, event.target.value)}>
              <option value="">{label}</option>
              {options.map((option) => (
                <option key={option.value} value={option.value}>
                  {option.label}
                </option>
              ))}
            </select>
          ))}
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
      {filter.conversation && <Waits id={Number(filter.conversation)} />}
      {query.isPending ? (
        <Loading lines={8} />
      ) : query.error && items.length === 0 ? (
        <Failure error={query.error} retry={() => void query.refetch()} />
      ) : items.length === 0 && !query.hasNextPage ? (
        <Empty icon="list" title={filtered ? t('decisions.none') : t('decisions.none.yet')}>
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
                  group={groups?.find((group) => group.id === decision.group)?.name}
                  open={open === decision.seq}
                  filter={filter.conversation !== undefined}
                  onToggle={() => setOpen(open === decision.seq ? null : decision.seq)}
                  onOnly={() => set('conversation', String(decision.conversation?.id ?? ''))}
                />
              </div>
            );
          })}
          <div className="pager">
            <Verified />
            {query.hasNextPage && (
              <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                {items.length === 0 ? t('decisions.search') : t('decisions.older')}
              </Button>
            )}
          </div>
        </>
      )}
    </Page>
  );
}

/** Of one chat that waits: why nobody takes it now, and what time alone changes next. */
function Waits({ id }: { id: number }) {
  const t = useT();
  const zone = useZone();
  const { data } = useQuery(routingQuery(id));
  const why = data?.why_waiting;
  if (!why) return null;
  const lost = why.lost.flatMap((one) => lostText(t, one, why.skills) ?? []);
  return (
    <p className="waits sm" role="status">
      <b>{t('decisions.waits')}:</b> {t('why.nobody', { members: why.members })} {lost.join(', ')}. {nobodyHas(t, why).map((line) => `${line}. `)}
      {nextChange(t, why.next_change, zone)}
    </p>
  );
}

/** Whether the newest end of the log is as it was written. */
function Verified() {
  const t = useT();
  const { data, error } = useQuery({
    queryKey: ['decisions', 'chain'],
    queryFn: ({ signal }) => api.get<DecisionChain>('/routing-decisions/chain', undefined, signal),
    staleTime: 60_000,
  });
  if (error || !data) return <span className="xs muted grow">{error ? t('decisions.chain.unknown') : t('decisions.chain.reading')}</span>;
  if (data.state === 'whole')
    return (
      <span className="chain xs muted grow">
        <Icon name="check" size={14} />
        {data.last < data.first ? t('decisions.dense') : t('decisions.chain.whole', { first: t.number(data.first), last: t.number(data.last) })}
      </span>
    );
  return (
    <span className="chain is-broken sm grow" role="alert">
      <Icon name="warn" size={14} />
      {t(data.state === 'cut' ? 'decisions.chain.cut' : 'decisions.chain.altered', { at: t.number(data.at ?? data.last) })}
    </span>
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
  group: string | undefined;
  open: boolean;
  /** Whether the list already shows one conversation. */
  filter: boolean;
  onToggle(): void;
  onOnly(): void;
}

function Line({ decision, names, group, open, filter, onToggle, onOnly }: LineProps) {
  const t = useT();
  const zone = useZone();
  const replay = useQuery({
    queryKey: ['decisions', 'replay', decision.seq],
    queryFn: ({ signal }) => api.get<DecisionReplay>(`/routing-decisions/${decision.seq}/replay`, undefined, signal),
    enabled: false,
    staleTime: Infinity,
  });
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
          {funnel ? <FunnelView funnel={funnel} names={names} everybody={replay.data?.everybody ?? undefined} /> : <p className="sm muted">{t(byHand(decision) ? 'funnel.manual' : 'funnel.own')}</p>}
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
              {group && (
                <div>
                  <dt>{t('decisions.group')}</dt>
                  <dd>{group}</dd>
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
            {about && (
              <Link className="btn btn-secondary btn-sm" href={`/agent/agents/${about.id}`}>
                <Icon name="window" />
                {t('decisions.open')}
              </Link>
            )}
            {about && !filter && (
              <button type="button" className="btn btn-secondary btn-sm" onClick={onOnly}>
                <Icon name="filter" />
                {t('decisions.only')}
              </button>
            )}
            <Button size="sm" icon="turn" busy={replay.isFetching} onClick={() => void replay.refetch()}>
              {t('decisions.replay')}
            </Button>
            <div className="replayed" aria-live="polite">
              {replay.error && !replay.isFetching ? <Failure error={replay.error} retry={() => void replay.refetch()} /> : replay.data && <Replayed replay={replay.data} names={names} />}
            </div>
          </div>
        </div>
      )}
    </div>
  );
}

/** What came of making a decision again. */
function Replayed({ replay, names }: { replay: DecisionReplay; names(id: number): string | undefined }) {
  const t = useT();
  if (replay.exact && replay.same)
    return (
      <p className="sm flex gap-1">
        <Icon name="check" size={14} />
        {t('decisions.replay.same', { inputs: replay.inputs })}
      </p>
    );
  const why = replay.because ? (t.maybe(`decisions.replay.${replay.because}`) ?? replay.because) : t('decisions.replay.other');
  return (
    <>
      <p className="sm">{why}</p>
      {replay.exact && replay.decision && <p className="sm muted">{sentence(t, replay.decision, names)}</p>}
    </>
  );
}

/** From everybody considered to the one chosen: the steps add up, on screen, always. */
export function FunnelView({ funnel, names, everybody }: { funnel: Funnel; names(id: number): string | undefined; everybody?: DecisionReplay['everybody'] }) {
  const t = useT();
  let left = funnel.members;
  const steps = funnel.lost.map((lost) => {
    left -= lost.count;
    return { code: lost.reason ?? lost.reject ?? '', lost: lost.count, left };
  });
  const part = (n: number) => ({ width: `${(n / Math.max(1, funnel.members)) * 100}%` }) as CSSProperties;
  const chosen = funnel.chosen != null ? 1 : 0;
  const skills = funnel.skills?.map((one) => one.name ?? `#${one.skill}`).join(', ');
  const sum = [...funnel.lost.map((lost) => lost.count), ...(chosen ? [1] : [])];
  const rivals = funnel.finalists.map((finalist) => {
    const id = typeof finalist.agent === 'number' ? finalist.agent : finalist.agent.id;
    const name = finalist.name ?? (typeof finalist.agent === 'number' ? names(id) : finalist.agent.name) ?? `#${id}`;
    return { id, name, load: finalist.load, limit: finalist.limit ?? null, background: finalist.background ?? false };
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
          <span>
            {t.maybe(`step.${step.code}`) ?? step.code}
            {step.code === 'skill' && skills && <span className="muted"> · {skills}</span>}
          </span>
          <span className="fb">
            <i style={part(step.left)} />
            <i className="lost" style={part(step.lost)} />
          </span>
          <span className="left num">{step.left}</span>
          <span className="minus num">−{step.lost}</span>
          {everybody && (
            <span className="who xs muted">
              {everybody
                .filter((one) => one.reject === step.code)
                .map((one) => one.name)
                .join(', ')}
            </span>
          )}
        </div>
      ))}
      <div className="sum-line">
        <b className="num">
          {funnel.members} = {sum.length > 0 ? sum.join(' + ') : 0}
        </b>
        <span className="muted">{t.maybe(`by.${funnel.by}`)}</span>
      </div>
      {(funnel.background ?? 0) > 0 && <p className="xs muted">{t('funnel.background', { n: funnel.background ?? 0 })}</p>}
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
