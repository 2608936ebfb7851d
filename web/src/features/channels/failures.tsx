import { api } from '@/api/client';
import type { InboundFailure, Page as Paged } from '@/api/types';
import { useT } from '@/i18n';
import { serverNow } from '@/lib/clock';
import { explain } from '@/lib/errors';
import { useZone } from '@/lib/me';
import { clockTime, exact, shortDate } from '@/lib/time';
import { Badge, Button, Empty, Failure, Icon, Loading, Page, toast } from '@/ui';
import { infiniteQueryOptions, useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { Link } from 'wouter';

const CHANNELS = '/dashboard/channels';
/** By then a delivery that is read again has been, or has failed again. */
const READ_MS = 2_000;

const failuresQuery = infiniteQueryOptions({
  queryKey: ['inbound-failures'],
  queryFn: ({ pageParam, signal }) => api.get<Paged<InboundFailure>>('/inbound-failures', { limit: 50, cursor: pageParam }, signal),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (last) => last.next_cursor ?? undefined,
  // No event tells of new ones.
  staleTime: 0,
});

/** The way to what was not understood, with how much of it nobody has read again. */
export function FailuresLink() {
  const t = useT();
  const { data } = useInfiniteQuery(failuresQuery);
  const open = data?.pages[0]?.items.filter((failure) => failure.replayed_at == null).length ?? 0;
  return (
    <div className="rows-list below">
      <Link className="line-link quiet" href={`${CHANNELS}/failures`}>
        <Icon name="warn" />
        <span className="grow">
          <span className="medium block">{t('failures.title')}</span>
          <span className="xs muted block">{t('failures.link.text')}</span>
        </span>
        {open > 0 && <Badge tone="amber">{t('failures.n', { n: open })}</Badge>}
        <Icon name="right" />
      </Link>
    </div>
  );
}

export function Failures() {
  const t = useT();
  const client = useQueryClient();
  const query = useInfiniteQuery(failuresQuery);
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  const replay = useMutation({
    mutationFn: (id: number) => api.post(`/inbound-failures/${id}/replay`),
    onSuccess: () => {
      toast(t('failures.queued'));
      const again = () => void client.invalidateQueries({ queryKey: failuresQuery.queryKey });
      again();
      setTimeout(again, READ_MS);
    },
    onError: (error) => toast(explain(t, error), { tone: 'error' }),
  });
  return (
    <Page
      title={t('failures.title')}
      purpose={t('failures.purpose')}
      actions={
        <Link className="btn btn-ghost btn-sm" href={CHANNELS}>
          <Icon name="back" />
          {t('nav.channels')}
        </Link>
      }
    >
      {query.isPending ? (
        <Loading lines={5} />
      ) : query.error && items.length === 0 ? (
        <Failure error={query.error} retry={() => void query.refetch()} />
      ) : items.length === 0 ? (
        <Empty icon="done" title={t('failures.none')}>
          {t('failures.none.text')}
        </Empty>
      ) : (
        <>
          <ul>
            {items.map((failure) => (
              <One key={failure.id} failure={failure} busy={replay.isPending && replay.variables === failure.id} onReplay={() => replay.mutate(failure.id)} />
            ))}
          </ul>
          {query.hasNextPage && (
            <div>
              <Button busy={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                {t('decisions.older')}
              </Button>
            </div>
          )}
        </>
      )}
    </Page>
  );
}

function One({ failure, busy, onReplay }: { failure: InboundFailure; busy: boolean; onReplay(): void }) {
  const t = useT();
  const zone = useZone();
  const moment = (at: number) => `${shortDate(at, serverNow(), t.language, zone)} ${clockTime(at, t.language, zone)}`;
  return (
    <li className="failure">
      <div className="flex gap-3">
        <div className="grow">
          <span className="medium block">{failure.reason}</span>
          <span className="xs muted">
            <time title={exact(failure.at, t.language, zone)}>{moment(failure.at)}</time>
            {failure.pointer && (
              <>
                {' · '}
                {t.rich('failures.where', { pointer: <code className="mono">{failure.pointer}</code> })}
              </>
            )}
          </span>
        </div>
        {failure.replayed_at != null && <Badge>{t('failures.done', { at: moment(failure.replayed_at) })}</Badge>}
        <Button size="sm" icon="retry" busy={busy} onClick={onReplay}>
          {t('failures.again')}
        </Button>
      </div>
      <details>
        <summary>{t('failures.raw')}</summary>
        <pre className="mono">{JSON.stringify(failure.raw, null, 2)}</pre>
      </details>
    </li>
  );
}
