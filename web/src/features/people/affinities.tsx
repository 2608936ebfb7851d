import { api } from '@/api/client';
import { agentsQuery } from '@/api/queries';
import type { Affinity, AffinityCount, Page as Paged } from '@/api/types';
import { useT } from '@/i18n';
import { useNow } from '@/lib/clock';
import { explain } from '@/lib/errors';
import { useZone } from '@/lib/me';
import { shortDate } from '@/lib/time';
import { Avatar, Badge, Banner, Button, Dialog, Empty, Failure, IconButton, Loading, Page, SelectField, TextField, toast } from '@/ui';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

const key = ['affinities'] as const;
const PAGE_SIZE = 50;

/** Who always attends whom, by agent: what the wall cannot show, and what is left when somebody leaves. */
export default function Affinities() {
  const t = useT();
  const counts = useQuery({ queryKey: [...key, 'summary'], queryFn: () => api.get<Paged<AffinityCount>>('/affinities/summary').then((page) => page.items) });
  const [open, setOpen] = useState<number | null>(null);
  const [moving, setMoving] = useState<AffinityCount | null>(null);
  const all = counts.data ?? [];
  const left = all.filter((count) => !count.active);
  const total = all.reduce((sum, count) => sum + count.customers, 0);
  return (
    <Page title={t('nav.affinities')} purpose={t('affinities.purpose')}>
      {left.map((count) => (
        <Banner
          key={count.agent}
          tone="amber"
          action={
            <Button size="sm" onClick={() => setMoving(count)}>
              {t('affinities.reassign')}
            </Button>
          }
        >
          {t('affinities.left', { name: count.name, n: count.customers })}
        </Banner>
      ))}
      {counts.isPending ? (
        <Loading lines={4} />
      ) : !counts.data ? (
        <Failure error={counts.error} retry={() => void counts.refetch()} />
      ) : all.length === 0 ? (
        <Empty icon="users" title={t('affinities.none')}>
          {t('affinities.none.text')}
        </Empty>
      ) : (
        <div className="scroll-x">
          <table className="table">
            <thead>
              <tr>
                <th>{t('filter.owner')}</th>
                <th className="r">{t('affinities.customers')}</th>
                <th className="r">{t('affinities.share')}</th>
                <th>
                  <span className="sr">{t('conv.more')}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {all.map((count) => (
                <Row key={count.agent} count={count} total={total} open={open === count.agent} onOpen={() => setOpen(open === count.agent ? null : count.agent)} onMove={() => setMoving(count)} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {moving && <Reassign count={moving} onClose={() => setMoving(null)} />}
    </Page>
  );
}

function Row({ count, total, open, onOpen, onMove }: { count: AffinityCount; total: number; open: boolean; onOpen(): void; onMove(): void }) {
  const t = useT();
  return (
    <>
      <tr>
        <td>
          <div className="flex gap-3">
            <Avatar name={count.name} size={24} />
            <span className="trunc medium">{count.name}</span>
            {!count.active && <Badge tone="amber">{t('affinities.inactive')}</Badge>}
          </div>
        </td>
        <td className="r num">{t.number(count.customers)}</td>
        <td className="r num muted">{Math.round((100 * count.customers) / Math.max(1, total))} %</td>
        <td className="r">
          <IconButton icon={open ? 'up' : 'down'} size="sm" label={t('affinities.show', { name: count.name })} aria-expanded={open} onClick={onOpen} />
          <IconButton icon="transfer" size="sm" label={t('affinities.reassign.of', { name: count.name })} onClick={onMove} />
        </td>
      </tr>
      {open && (
        <tr>
          <td colSpan={4}>
            <Customers agent={count.agent} />
          </td>
        </tr>
      )}
    </>
  );
}

function Customers({ agent }: { agent: number }) {
  const t = useT();
  const now = useNow();
  const zone = useZone();
  const client = useQueryClient();
  const list = useInfiniteQuery({
    queryKey: [...key, agent],
    queryFn: ({ pageParam, signal }) => api.get<Paged<Affinity>>('/affinities', { agent, limit: PAGE_SIZE, cursor: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
  const remove = useMutation({
    mutationFn: (customer: number) => api.delete(`/customers/${customer}/affinity`),
    onError: (error) => toast(explain(t, error), { tone: 'error' }),
    onSettled: () => client.invalidateQueries({ queryKey: key }),
  });
  if (list.isPending) return <Loading lines={3} />;
  if (!list.data) return <Failure error={list.error} retry={() => void list.refetch()} />;
  return (
    <div className="stack-2">
      <ul className="stack-2">
        {list.data.pages
          .flatMap((page) => page.items)
          .map((affinity) => (
            <li key={affinity.customer} className="flex gap-3">
              <span className="grow trunc" dir="auto">
                {affinity.customer_name || `#${affinity.customer}`}
              </span>
              <span className="xs muted trunc">
                {[affinity.strict ? t('affinity.strict') : null, affinity.by === null ? t('affinity.by.answer') : affinity.by_name && affinity.by !== affinity.agent ? t('affinity.by', { name: affinity.by_name }) : null, affinity.by ? affinity.reason : null]
                  .filter(Boolean)
                  .join(' · ')}
              </span>
              <span className="xs faint num">{shortDate(affinity.since, now, t.language, zone)}</span>
              <IconButton
                icon="x"
                size="sm"
                label={t('affinity.remove.of', { name: affinity.customer_name || `#${affinity.customer}` })}
                disabled={remove.isPending}
                onClick={() => remove.mutate(affinity.customer)}
              />
            </li>
          ))}
      </ul>
      {list.hasNextPage && (
        <Button size="sm" busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          {t('affinities.more')}
        </Button>
      )}
    </div>
  );
}

function Reassign({ count, onClose }: { count: AffinityCount; onClose(): void }) {
  const t = useT();
  const client = useQueryClient();
  const agents = useQuery(agentsQuery);
  const [to, setTo] = useState('');
  const [reason, setReason] = useState('');
  const move = useMutation({
    mutationFn: () => api.post<{ customers: number }>('/affinities/reassign', { from: count.agent, to: to === 'nobody' ? null : Number(to), reason: reason.trim() }),
    onSuccess: (moved) => {
      toast(t('affinities.moved', { n: moved.customers }));
      void client.invalidateQueries({ queryKey: key });
      onClose();
    },
  });
  return (
    <Dialog
      title={t('affinities.reassign.of', { name: count.name })}
      onClose={onClose}
      onSubmit={() => move.mutate()}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" disabled={to === ''} busy={move.isPending}>
            {t('affinities.reassign')}
          </Button>
        </>
      }
    >
      {move.error && <Banner tone="red">{explain(t, move.error)}</Banner>}
      <p className="sm">{t('affinities.reassign.text', { n: count.customers })}</p>
      <SelectField label={t('affinities.to')} required value={to} onChange={(event) => setTo(event.target.value)}>
        <option value="">{t('groups.heir.none')}</option>
        {(agents.data ?? [])
          .filter((agent) => agent.id !== count.agent)
          .map((agent) => (
            <option key={agent.id} value={agent.id}>
              {agent.name}
            </option>
          ))}
        <option value="nobody">{t('affinities.nobody')}</option>
      </SelectField>
      <TextField label={t('affinity.reason')} maxLength={200} value={reason} onChange={(event) => setReason(event.target.value)} />
    </Dialog>
  );
}
