import { api } from '@/api/client';
import { agentsQuery } from '@/api/queries';
import type { FairnessItem, FairnessItems } from '@/api/types';
import { useT, type Translator } from '@/i18n';
import { useZone } from '@/lib/me';
import { customerName } from '@/lib/names';
import { duration, exact } from '@/lib/time';
import { Button, Empty, Failure, Icon, Loading, Page } from '@/ui';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useSearch } from 'wouter';

const PAGE = 100;
/** Figures that are time: their list has spans, and its sum is the number. */
const TIMES = ['eligible', 'over_limit', 'longest_gap'];
const LABELS = { eligible: 'eligible', offered: 'offered', assigned: 'assigned', answered: 'answered', missed: 'missed', transferred_in: 'in', transferred_out: 'out', over_limit: 'over', longest_gap: 'gap' } as const;

/** What a number of the report on fairness counts: as many lines, or as much time, as it says. */
export function FairnessItemsPage() {
  const t = useT();
  const zone = useZone();
  const search = new URLSearchParams(useSearch());
  const asked = Object.fromEntries(search);
  const { data: agents } = useQuery(agentsQuery);
  const query = useInfiniteQuery({
    queryKey: ['fairness-items', asked],
    queryFn: ({ pageParam, signal }) => api.get<FairnessItems>('/reports/fairness/items', { ...asked, limit: PAGE, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  const total = query.data?.pages[0]?.total ?? 0;
  const figure = search.get('figure') ?? '';
  const times = TIMES.includes(figure);
  const name = agents?.find((agent) => String(agent.id) === search.get('agent'))?.name;
  const [from, to] = [search.get('from'), search.get('to')];
  const back = new URLSearchParams([...search].filter(([key]) => key === 'span' || key === 'group' || key === 'simulated'));
  return (
    <Page
      title={[heading(t, search), name].filter(Boolean).join(' · ')}
      purpose={from && to ? t('fairness.items.purpose', { from: exact(Number(from), t.language, zone), to: exact(Number(to), t.language, zone) }) : t('fairness.items.list')}
      actions={
        <Link className="btn btn-ghost btn-sm" href={`/dashboard/reports/fairness${back.size > 0 ? `?${back}` : ''}`}>
          <Icon name="back" />
          {t('nav.fairness')}
        </Link>
      }
    >
      {query.isPending ? (
        <Loading lines={6} />
      ) : !query.data ? (
        <Failure error={query.error} retry={() => void query.refetch()} />
      ) : items.length === 0 ? (
        <Empty icon="list" title={t('fairness.items.none')} />
      ) : (
        <>
          <p className="sm muted">
            {t('fairness.items.total', { n: total })}
            {times && !query.hasNextPage && ` · ${duration(items.reduce((sum, item) => sum + length(item), 0))}`}
          </p>
          <div className="scroll-x" role="region" aria-label={t('fairness.items.list')} tabIndex={0}>
            <table className="table">
              <thead>
                <tr>
                  <th>{t('fairness.items.when')}</th>
                  {(times || figure === 'waits') && <th className="r">{t('fairness.items.length')}</th>}
                  {figure !== 'eligible' && figure !== 'longest_gap' && <th>{t('incidents.customer')}</th>}
                </tr>
              </thead>
              <tbody>
                {items.map((item, i) => (
                  <tr key={i}>
                    <td className="num nowrap">
                      {exact(item.from, t.language, zone)}
                      {item.to != null && <span className="muted">{` – ${exact(item.to, t.language, zone)}`}</span>}
                    </td>
                    {(times || figure === 'waits') && <td className="r num">{item.to == null ? t('fairness.items.open') : duration(length(item))}</td>}
                    {figure !== 'eligible' && figure !== 'longest_gap' && (
                      <td>
                        <Subject item={item} />
                      </td>
                    )}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {query.hasNextPage && (
            <div className="pager">
              <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                {t('fairness.items.more')}
              </Button>
            </div>
          )}
        </>
      )}
    </Page>
  );
}

const length = (item: FairnessItem) => (item.to == null ? 0 : item.to - item.from);

function heading(t: Translator, search: URLSearchParams): string {
  const figure = search.get('figure') ?? '';
  const [act, reason] = [search.get('act'), search.get('reason')];
  const why = reason && (t.maybe(`waited.${reason}`) ?? t.maybe(`reason.name.${reason}`) ?? reason);
  if (figure === 'waits') return [t('fairness.waits'), why].filter(Boolean).join(' · ');
  if (figure === 'decisions') return [act && (t.maybe(`act.name.${act}`) ?? act), reason && (t.maybe(`reason.name.${reason}`) ?? reason)].filter(Boolean).join(' · ') || t('fairness.decisions');
  return figure in LABELS ? t(`fairness.${LABELS[figure as keyof typeof LABELS]}`) : t('nav.fairness');
}

function Subject({ item }: { item: FairnessItem }) {
  const t = useT();
  if (!item.conversation) return <span className="faint">–</span>;
  return (
    <span className="flex gap-2 wrap">
      <Link className="quiet medium" href={`/agent/agents/${item.conversation.id}`}>
        <span className="num muted">{`#${item.conversation.number}`}</span> <bdi>{customerName(t, item.conversation)}</bdi>
      </Link>
      <Link className="xs" href={`/dashboard/decisions?conversation=${item.conversation.id}`}>
        {t('fairness.items.why')}
      </Link>
    </span>
  );
}
