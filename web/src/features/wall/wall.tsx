import { overviewQuery } from '@/api/queries';
import type { Overview } from '@/api/types';
import { useT } from '@/i18n';
import { useNow } from '@/lib/clock';
import { explain } from '@/lib/errors';
import { useZone } from '@/lib/me';
import { clockSeconds, duration } from '@/lib/time';
import { useLink } from '@/realtime';
import { Banner, Button, Failure, Loading, Page, Segmented } from '@/ui';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { Agents } from './agents';
import { Clocks } from './clocks';
import { Links } from './links';
import { Pause, Pauses } from './pause';
import { Channels, Incidents, Queues } from './queues';

const SOON_MS = 30_000;
/** More groups than this are chosen from a list. */
const MOST_TABS = 4;

export default function Wall() {
  const t = useT();
  const { data, error, isPending, refetch } = useQuery(overviewQuery);
  if (data) return <Live data={data} error={error} />;
  return <Page title={t('nav.wall')}>{isPending ? <Loading lines={8} /> : <Failure error={error} retry={() => void refetch()} />}</Page>;
}

/** What concerns one group, or everything. */
function of(data: Overview, group: number | null): Overview {
  if (group === null) return data;
  const queues = data.queues.filter((queue) => queue.group === group);
  const mine = (c: { group: { id: number } | null }) => c.group?.id === group;
  const overdue = data.overdue.filter((one) => mine(one.conversation));
  const sum = (of: (queue: Overview['queues'][number]) => number) => queues.reduce((n, queue) => n + of(queue), 0);
  return {
    ...data,
    queues,
    waiting: sum((queue) => queue.waiting),
    held: sum((queue) => queue.held),
    unanswered: sum((queue) => queue.unanswered),
    oldest_owed_since: queues[0]?.oldest_owed_since ?? null,
    agents: data.agents.filter((agent) => agent.groups.includes(group)),
    expiring: data.expiring.filter(mine),
    windows: data.windows.filter(mine),
    promises: data.promises.filter(mine),
    overdue,
    overdue_total: overdue.length,
  };
}

function Live({ data: all, error }: { data: Overview; error: unknown }) {
  const t = useT();
  const now = useNow();
  const zone = useZone();
  const link = useLink();
  const [group, setGroup] = useState<number | null>(null);
  const [links, setLinks] = useState(false);
  const [pausing, setPausing] = useState(false);
  const data = of(all, group);
  const groups = all.queues.filter((queue) => queue.group !== null).map((queue) => ({ value: String(queue.group), label: queue.group_name ?? '' }));
  const options = [{ value: '', label: t('wall.all') }, ...groups];
  const choose = (value: string) => setGroup(value ? Number(value) : null);
  const soon = data.expiring.filter((c) => c.rotate_at !== null && c.rotate_at - now <= SOON_MS).length;
  const online = data.agents.filter((agent) => agent.state === 'online').length;
  const away = data.agents.filter((agent) => agent.state === 'away').length;
  return (
    <div className="page wall">
      <header className="wh">
        <h1>{t('nav.wall')}</h1>
        <span className="live grow" role="status">
          <span className={link === 'online' ? 'dot dot-online' : 'dot dot-offline'} />
          {link === 'online' ? t('wall.live', { at: clockSeconds(now, t.language, zone) }) : t('wall.stale')}
        </span>
        {groups.length > 0 &&
          (groups.length <= MOST_TABS ? (
            <Segmented label={t('filter.group')} value={String(group ?? '')} onChange={choose} options={options} />
          ) : (
            <select className="chip chip-select" aria-label={t('filter.group')} value={String(group ?? '')} onChange={(event) => choose(event.target.value)}>
              {options.map((option) => (
                <option key={option.value} value={option.value}>
                  {option.label}
                </option>
              ))}
            </select>
          ))}
        <Button icon="pause" onClick={() => setPausing(true)} aria-label={t('wall.pause')}>
          <span className="t">{t('wall.pause')}</span>
        </Button>
        <Button icon="screen" onClick={() => setLinks(true)} aria-label={t('wall.screen')}>
          <span className="t">{t('wall.screen')}</span>
        </Button>
      </header>
      {error !== null && error !== undefined && <Banner tone="amber">{explain(t, error)}</Banner>}
      <Pauses pauses={all.pauses} now={now} name={(id) => all.queues.find((queue) => queue.group === id && id !== null)?.group_name ?? t('wall.pause.everything')} />
      <section className="kpis card" aria-label={t('wall.now')}>
        <Kpi
          label={t('wall.queue')}
          value={t.number(data.waiting)}
          hint={data.oldest_owed_since !== null ? t('queue.oldest', { wait: duration(now - data.oldest_owed_since) }) : t('wall.queue.none')}
          href={`/agent/unassigned${group === null ? '' : `?group=${group}`}`}
        />
        <Kpi label={t('wall.owed')} value={t.number(data.unanswered)} hint={t('wall.owed.of', { n: data.held })} href={`/agent/agents?owed=true${group === null ? '' : `&group=${group}`}`} />
        <Kpi label={t('wall.soon')} value={t.number(soon)} hint={t('wall.soon.text')} tone={soon > 0 ? 'c-amber' : undefined} href={soon > 0 ? '#wall-clocks' : undefined} />
        <Kpi label={t('wall.overdue')} value={t.number(data.overdue_total)} hint={t('wall.overdue.text')} tone={data.overdue_total > 0 ? 'c-red' : undefined} href={data.overdue_total > 0 ? '#wall-clocks' : undefined} />
        <Kpi
          label={t('wall.incidents')}
          value={t.number(data.incidents_today)}
          hint={t('wall.incidents.text', { n: data.failed_today })}
          tone={data.incidents_today > 0 ? 'c-red' : undefined}
          href="/dashboard/incidents"
        />
        <Kpi label={t('state.online')} value={t('wall.of', { n: online, all: data.agents.length })} hint={t('wall.away', { away, out: data.agents.length - online - away })} />
      </section>
      <div className="grid">
        <div className="col">
          <Queues queues={data.queues} now={now} />
          <Incidents incidents={all.incidents} today={all.incidents_today} />
          <Channels channels={all.channels} now={now} />
        </div>
        <Agents agents={data.agents} now={now} />
        <Clocks data={data} now={now} soonMs={SOON_MS} />
      </div>
      {pausing && <Pause groups={groups} chosen={group} onClose={() => setPausing(false)} />}
      {links && <Links onClose={() => setLinks(false)} />}
    </div>
  );
}

function Kpi({ label, value, hint, tone, href }: { label: string; value: string; hint: string; tone?: string; href?: string }) {
  const content = (
    <>
      <span className="xs muted">{label}</span>
      <b className={tone ? `num ${tone}` : 'num'}>{value}</b>
      <span className="xs muted trunc">{hint}</span>
    </>
  );
  if (!href) return <div className="kpi">{content}</div>;
  // A part of this page is the browser's own matter.
  const Way = href.startsWith('#') ? 'a' : Link;
  return (
    <Way className="kpi quiet" href={href}>
      {content}
    </Way>
  );
}
