import { api } from '@/api/client';
import type { FailedSend, Incident, Page as Paged } from '@/api/types';
import { useT } from '@/i18n';
import { useNow } from '@/lib/clock';
import { useZone } from '@/lib/me';
import { customerName } from '@/lib/names';
import { clockTime, duration, shortDate } from '@/lib/time';
import { Avatar, Badge, Button, Empty, Failure, Loading, Page, SimulatedChip, Tabs } from '@/ui';
import { useInfiniteQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link, useLocation, useSearch } from 'wouter';

type Tab = 'incidents' | 'failed';

/** What went wrong for customers: closings and waits nobody answered, and messages that never arrived. */
export default function Incidents() {
  const t = useT();
  const [path, go] = useLocation();
  const search = new URLSearchParams(useSearch());
  const tab: Tab = search.get('tab') === 'failed' ? 'failed' : 'incidents';
  const simulated = search.get('simulated') === 'include';
  const show = (tab: Tab, simulated: boolean) => {
    const next = new URLSearchParams({ ...(tab === 'failed' ? { tab } : {}), ...(simulated ? { simulated: 'include' } : {}) });
    go(`${path}${next.size > 0 ? `?${next}` : ''}`, { replace: true });
  };
  return (
    <Page title={t('nav.incidents')} purpose={t('incidents.purpose')}>
      <Tabs<Tab>
        label={t('nav.incidents')}
        value={tab}
        onChange={(to) => show(to, simulated)}
        options={[
          { value: 'incidents', label: t('incidents.tab') },
          { value: 'failed', label: t('incidents.failed') },
        ]}
      />
      <div className="flex gap-2 wrap">
        <SimulatedChip on={simulated} onChange={(on) => show(tab, on)} />
      </div>
      {tab === 'incidents' ? <IncidentList simulated={simulated} /> : <FailedList simulated={simulated} />}
    </Page>
  );
}

function usePages<T>(name: string, path: string, simulated: boolean) {
  return useInfiniteQuery({
    queryKey: [name, simulated],
    queryFn: ({ pageParam, signal }) => api.get<Paged<T>>(path, { limit: 50, cursor: pageParam, ...(simulated ? { simulated: 'include' } : {}) }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    refetchInterval: 30_000,
  });
}

function List<T>({ query, empty, head, row }: { query: ReturnType<typeof usePages<T>>; empty: ReactNode; head: string[]; row(item: T): ReactNode }) {
  const t = useT();
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  if (query.isPending) return <Loading lines={6} />;
  if (query.error && items.length === 0) return <Failure error={query.error} retry={() => void query.refetch()} />;
  if (items.length === 0) return <>{empty}</>;
  return (
    <>
      <div className="scroll-x" role="region" aria-label={t('nav.incidents')} tabIndex={0}>
        <table className="table">
          <thead>
            <tr>
              {head.map((title) => (
                <th key={title}>{title}</th>
              ))}
            </tr>
          </thead>
          <tbody>{items.map(row)}</tbody>
        </table>
      </div>
      {query.hasNextPage && (
        <div className="pager">
          <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            {t('decisions.older')}
          </Button>
        </div>
      )}
    </>
  );
}

function When({ at }: { at: number }) {
  const t = useT();
  const now = useNow();
  const zone = useZone();
  return (
    <time className="num">
      {shortDate(at, now, t.language, zone)} <span className="muted">{clockTime(at, t.language, zone)}</span>
    </time>
  );
}

function About({ about }: { about: Incident['conversation'] }) {
  const t = useT();
  if (!about) return <span className="faint">–</span>;
  return (
    <Link className="quiet medium" href={`/agent/agents/${about.id}`}>
      <span className="num muted">{`#${about.number}`}</span> <bdi>{customerName(t, about)}</bdi>
    </Link>
  );
}

function IncidentList({ simulated }: { simulated: boolean }) {
  const t = useT();
  const query = usePages<Incident>('incidents', '/incidents', simulated);
  return (
    <List
      query={query}
      head={[t('incidents.when'), t('incidents.customer'), t('incidents.kind'), t('incidents.waited'), t('incidents.phase'), t('incidents.owners')]}
      empty={
        <Empty icon="done" title={t('incidents.none')}>
          {t('incidents.none.text')}
        </Empty>
      }
      row={(incident) => (
        <tr key={incident.id}>
          <td className="nowrap">
            <When at={incident.at} />
          </td>
          <td>
            <About about={incident.conversation} />
          </td>
          <td>
            <Badge tone="red">{t.maybe(`incident.${incident.kind}`) ?? incident.kind}</Badge>
          </td>
          <td className="num nowrap">{incident.waited > 0 ? duration(incident.waited) : '–'}</td>
          <td>{t.maybe(`incident.phase.${incident.phase}`) ?? incident.phase}</td>
          <td>
            {incident.owners.length === 0 ? (
              <span className="muted">{t('incidents.nobody')}</span>
            ) : (
              <ul className="stack-1">
                {incident.owners.map((held) => (
                  <li key={`${held.agent}-${held.from}`} className="flex gap-2">
                    <Avatar name={held.name} size={20} />
                    <span>{held.name}</span>
                    <span className="muted num xs">{duration(held.to - held.from)}</span>
                  </li>
                ))}
              </ul>
            )}
          </td>
        </tr>
      )}
    />
  );
}

function FailedList({ simulated }: { simulated: boolean }) {
  const t = useT();
  const query = usePages<FailedSend>('failed-messages', '/failed-messages', simulated);
  return (
    <List
      query={query}
      head={[t('incidents.when'), t('incidents.customer'), t('incidents.said'), t('incidents.agent'), t('incidents.why')]}
      empty={
        <Empty icon="done" title={t('incidents.failed.none')}>
          {t('incidents.failed.none.text')}
        </Empty>
      }
      row={(failed) => (
        <tr key={failed.id}>
          <td className="nowrap">
            <When at={failed.at} />
          </td>
          <td>
            <About about={failed.conversation} />
          </td>
          <td className="clip" dir="auto">
            {failed.preview}
          </td>
          <td>{failed.agent?.name ?? <span className="muted">{t('incidents.automatic')}</span>}</td>
          <td className="sm">{t.maybe(`failure.${failed.error?.key}`) ?? failed.error?.title ?? failed.error?.detail ?? '–'}</td>
        </tr>
      )}
    />
  );
}
