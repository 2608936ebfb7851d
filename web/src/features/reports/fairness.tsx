import { api } from '@/api/client';
import { groupsQuery } from '@/api/queries';
import type { Fairness } from '@/api/types';
import { useT, type Translator } from '@/i18n';
import { serverNow } from '@/lib/clock';
import { csv, save } from '@/lib/csv';
import { useMe, useZone } from '@/lib/me';
import { dayKey, duration, exact } from '@/lib/time';
import { Avatar, Banner, Button, Empty, Failure, Loading, Page, Segmented, SimulatedChip } from '@/ui';
import { useQuery } from '@tanstack/react-query';
import { useState, type CSSProperties, type ReactNode } from 'react';
import { Link, Route, Switch, useLocation, useSearch } from 'wouter';
import { FairnessItemsPage } from './items';

const DAY = 24 * 3_600_000;
const SPANS = { day: DAY, week: 7 * DAY, month: 30 * DAY } as const;
type Span = keyof typeof SPANS;

export default function FairnessPages() {
  return (
    <Switch>
      <Route path="/dashboard/reports/fairness/items" component={FairnessItemsPage} />
      <Route component={FairnessReport} />
    </Switch>
  );
}

/** Whether everybody gets their turn: numbers first, then what the log proves, then why. Each number opens what it counts. */
function FairnessReport() {
  const t = useT();
  const [path, go] = useLocation();
  const search = new URLSearchParams(useSearch());
  const { data: groups } = useQuery(groupsQuery);
  const span: Span = (['day', 'week', 'month'] as const).find((one) => one === search.get('span')) ?? 'day';
  const group = search.get('group') ?? '';
  const simulated = search.get('simulated') === 'include';
  // One moment per look: the lists that the numbers open show the same period.
  const [now] = useState(serverNow);
  const set = (name: string, value: string) => {
    const next = new URLSearchParams(search);
    if (value) next.set(name, value);
    else next.delete(name);
    go(`${path}${next.size > 0 ? `?${next}` : ''}`, { replace: true });
  };
  const query = useQuery({
    queryKey: ['fairness', span, group, simulated, now],
    queryFn: ({ signal }) => api.get<Fairness>('/reports/fairness', { from: Math.round(now) - SPANS[span], to: Math.round(now), ...(group ? { group } : {}), ...(simulated ? { simulated: 'include' } : {}) }, signal),
  });
  const report = query.data;
  return (
    <Page
      title={t('nav.fairness')}
      purpose={t('fairness.purpose')}
      actions={
        report && report.agents.length > 0 ? (
          <Button icon="download" onClick={() => save(`equidad-${dayKey(report.from)}-${dayKey(report.to)}.csv`, table(t, report))}>
            {t('fairness.csv')}
          </Button>
        ) : undefined
      }
    >
      <div className="flex gap-2 wrap">
        <Segmented<Span>
          label={t('fairness.period')}
          value={span}
          onChange={(value) => set('span', value === 'day' ? '' : value)}
          options={(['day', 'week', 'month'] as const).map((value) => ({ value, label: t(`fairness.span.${value}`) }))}
        />
        {groups && groups.length > 0 && (
          <select className={group ? 'chip chip-select is-on' : 'chip chip-select'} aria-label={t('filter.group')} value={group} onChange={(event) => set('group', event.target.value)}>
            <option value="">{t('fairness.everybody')}</option>
            {groups.map((one) => (
              <option key={one.id} value={one.id}>
                {one.name}
              </option>
            ))}
          </select>
        )}
        <SimulatedChip on={simulated} onChange={(on) => set('simulated', on ? 'include' : '')} />
      </div>
      {query.isPending ? <Loading lines={8} /> : report ? <Report report={report} shown={search} /> : <Failure error={query.error} retry={() => void query.refetch()} />}
    </Page>
  );
}

function Report({ report, shown }: { report: Fairness; shown: URLSearchParams }) {
  const t = useT();
  const zone = useZone();
  const me = useMe();
  const { proof } = report;
  /** What a number counts, of the same period, group and choice. */
  const list = (more: Record<string, string | number>) => {
    const query = new URLSearchParams(shown);
    for (const [name, value] of Object.entries({ ...more, from: report.from, to: report.to })) query.set(name, String(value));
    return `/dashboard/reports/fairness/items?${query}`;
  };
  const turns = proof.strategies.filter((strategy) => strategy !== 'least_recent');
  return (
    <div className="report below">
      <p className="xs muted">{t('fairness.zone', { from: exact(report.from, t.language, zone), to: exact(report.to, t.language, zone), zone: (me.workspace?.zone ?? '').replaceAll('_', ' ') })}</p>
      {proof.max_difference !== null && proof.max_difference !== undefined ? (
        <Banner tone={proof.max_difference <= 1 ? 'green' : 'amber'} icon="scale">
          <b>{t('fairness.proof', { n: proof.max_difference })}</b>
          <span className="block sm">
            {t('fairness.proof.of', { pairs: proof.pairs, turns: proof.turns, certain: proof.certain })}
            {turns.length > 0 && ` ${t('fairness.proof.strategy', { strategies: turns.map((one) => t.maybe(`adv.strategy.${one}`) ?? one).join(', ') })}`}
          </span>
        </Banner>
      ) : (
        <Banner icon="scale">{proof.too_many ? t('fairness.proof.many') : t('fairness.proof.none')}</Banner>
      )}
      {report.agents.length === 0 ? (
        <Empty icon="users" title={t('fairness.none')} />
      ) : (
        <section aria-labelledby="fair-agents">
          <h2 id="fair-agents">{t('nav.agents')}</h2>
          <div className="scroll-x" role="region" aria-label={t('nav.fairness')} tabIndex={0}>
            <table className="table">
              <thead>
                <tr>
                  <th>{t('filter.owner')}</th>
                  {COLUMNS.map((column) => (
                    <th key={column.key} className="r" title={t(`fairness.${column.key}.help`)}>
                      {t(`fairness.${column.key}`)}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {report.agents.map((agent) => (
                  <tr key={agent.agent}>
                    <td>
                      <span className="flex gap-2">
                        <Avatar name={agent.name} size={24} />
                        <span className="trunc medium">{agent.name}</span>
                      </span>
                    </td>
                    {COLUMNS.map((column) => (
                      <td key={column.key} className="r num">
                        {column.key === 'share' ? (
                          <Shares agent={agent} to={(figure) => list({ figure, agent: agent.agent })} />
                        ) : (
                          <Link href={list({ figure: column.figure, agent: agent.agent })} aria-label={`${agent.name}, ${t(`fairness.${column.key}`)}: ${column.show(t, agent)}`}>
                            {column.show(t, agent)}
                          </Link>
                        )}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      )}
      <div className="cols-2">
        <Table title={t('fairness.decisions')} none={t('decisions.none')} head={[t('fairness.what'), t('fairness.times')]}>
          {report.decisions.map((row) => (
            <tr key={`${row.act}.${row.reason}`}>
              <td>
                {t.maybe(`act.name.${row.act}`) ?? row.act}
                <span className="muted"> · {t.maybe(`reason.name.${row.reason}`) ?? row.reason}</span>
              </td>
              <td className="r num">
                <Link href={list({ figure: 'decisions', act: row.act, reason: row.reason })}>{t.number(row.count)}</Link>
              </td>
            </tr>
          ))}
        </Table>
        <Table title={t('fairness.waits')} none={t('fairness.waits.none')} head={[t('fairness.why'), t('fairness.times'), t('fairness.wait')]}>
          {report.waits.map((row) => (
            <tr key={row.reason}>
              <td>{t.maybe(`waited.${row.reason}`) ?? t.maybe(`reason.name.${row.reason}`) ?? row.reason}</td>
              <td className="r num">
                <Link href={list({ figure: 'waits', reason: row.reason })}>{t.number(row.count)}</Link>
              </td>
              <td className="r num">{row.waited_ms > 0 ? duration(row.waited_ms / row.count) : '–'}</td>
            </tr>
          ))}
        </Table>
      </div>
      <p className="xs muted">{t('fairness.adds', { total: report.total, wrong: report.do_not_add_up })}</p>
    </div>
  );
}

function Table({ title, head, none, children }: { title: string; head: string[]; none: string; children: ReactNode[] }) {
  return (
    <section className="card">
      <header>
        <h3>{title}</h3>
      </header>
      {children.length === 0 ? (
        <p className="sm muted pad-l">{none}</p>
      ) : (
        <table className="table">
          <thead>
            <tr>
              {head.map((name, i) => (
                <th key={name} className={i > 0 ? 'r' : undefined}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>{children}</tbody>
        </table>
      )}
    </section>
  );
}

type Row = Fairness['agents'][number];

/** `figure` names what the number counts; the share has two, what was received and what was owed. */
const COLUMNS: { key: 'eligible' | 'offered' | 'assigned' | 'answered' | 'missed' | 'in' | 'out' | 'share' | 'over' | 'gap'; figure: string; show(t: Translator, row: Row): string }[] = [
  { key: 'eligible', figure: 'eligible', show: (_, row) => duration(row.eligible_ms) },
  { key: 'offered', figure: 'offered', show: (t, row) => t.number(row.offered) },
  { key: 'assigned', figure: 'assigned', show: (t, row) => t.number(row.assigned) },
  { key: 'answered', figure: 'answered', show: (t, row) => t.number(row.answered) },
  { key: 'missed', figure: 'missed', show: (t, row) => t.number(row.missed) },
  { key: 'in', figure: 'transferred_in', show: (t, row) => t.number(row.transferred_in) },
  { key: 'out', figure: 'transferred_out', show: (t, row) => t.number(row.transferred_out) },
  { key: 'share', figure: '', show: (t, row) => `${percent(t, row.received_permille)} / ${percent(t, row.owed_permille)}` },
  { key: 'over', figure: 'over_limit', show: (_, row) => (row.over_limit_ms > 0 ? duration(row.over_limit_ms) : '–') },
  { key: 'gap', figure: 'longest_gap', show: (_, row) => (row.longest_gap_ms > 0 ? duration(row.longest_gap_ms) : '–') },
];

function percent(t: Translator, permille: number): string {
  return `${t.number(Math.round(permille / 10))} %`;
}

/** What they got as a bar, what they were owed as a mark on it. Each opens its list: what was received, and the time for it. */
function Shares({ agent, to }: { agent: Row; to(figure: string): string }) {
  const t = useT();
  const [received, owed] = [percent(t, agent.received_permille), percent(t, agent.owed_permille)];
  const label = t('fairness.share.label', { received, owed });
  return (
    <span className="share" title={label}>
      <span className="share-bar" role="img" aria-label={label}>
        <i style={{ width: `${agent.received_permille / 10}%` }} />
        <b style={{ insetInlineStart: `${agent.owed_permille / 10}%` } as CSSProperties} />
      </span>
      <Link href={to('offered')} aria-label={`${agent.name}, ${t('fairness.received')}: ${received}`}>
        {received}
      </Link>
      <Link className="muted xs" href={to('eligible')} aria-label={`${agent.name}, ${t('fairness.owed')}: ${owed}`}>
        {owed}
      </Link>
    </span>
  );
}

function table(t: Translator, report: Fairness): string {
  const head = ['id', t('filter.owner'), ...['eligible', 'offered', 'assigned', 'answered', 'missed', 'in', 'out'].map((key) => t(`fairness.${key as 'eligible'}`)), t('fairness.received'), t('fairness.owed'), t('fairness.over'), t('fairness.gap')];
  const seconds = (ms: number) => Math.round(ms / 1_000);
  const rows = report.agents.map((a) => [
    a.agent,
    a.name,
    seconds(a.eligible_ms),
    a.offered,
    a.assigned,
    a.answered,
    a.missed,
    a.transferred_in,
    a.transferred_out,
    a.received_permille / 10,
    a.owed_permille / 10,
    seconds(a.over_limit_ms),
    seconds(a.longest_gap_ms),
  ]);
  return csv([head, ...rows]);
}
