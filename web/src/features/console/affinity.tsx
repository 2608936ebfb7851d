import { api } from '@/api/client';
import { agentsQuery, affinityQuery } from '@/api/queries';
import type { Affinity, AffinityOf } from '@/api/types';
import { useT } from '@/i18n';
import { useNow } from '@/lib/clock';
import { explain } from '@/lib/errors';
import { useMe, useZone } from '@/lib/me';
import { useOnce } from '@/lib/once';
import { shortDate } from '@/lib/time';
import { Avatar, Banner, Button, Checkbox, Dialog, IconButton, SelectField, Skeleton, TextField, toast } from '@/ui';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

interface Change {
  agent: number;
  reason: string;
  strict: boolean;
}

/** Who always attends this customer: shown to everybody, changed by whoever may. */
export function AffinitySection({ customer, name }: { customer: number; name: string }) {
  const t = useT();
  const me = useMe().agent?.id;
  const now = useNow();
  const zone = useZone();
  const client = useQueryClient();
  const [editing, setEditing] = useState(false);
  const { data } = useQuery(affinityQuery(customer));
  const told = {
    onError: (error: unknown) => toast(explain(t, error), { tone: 'error' }),
    onSettled: () => client.invalidateQueries({ queryKey: affinityQuery(customer).queryKey }),
  };
  const set = useMutation({ mutationFn: (change: Change) => api.put<AffinityOf>(`/customers/${customer}/affinity`, change), ...told });
  const remove = useMutation({ mutationFn: () => api.delete(`/customers/${customer}/affinity`), ...told });
  const has = data?.affinity ?? null;
  const busy = set.isPending || remove.isPending;
  return (
    <section className="ps" aria-label={t('affinity.title')}>
      <h3>{t('affinity.title')}</h3>
      {!data ? (
        <Skeleton width="60%" />
      ) : has ? (
        <>
          <div className="ln">
            <Avatar name={has.agent_name} size={24} />
            <span className="grow">
              <span className="block trunc">{has.agent === me ? t('affinity.me') : has.agent_name}</span>
              <span className="xs muted block">{about(t, has, shortDate(has.since, now, t.language, zone))}</span>
            </span>
            {data.may_manage && <IconButton icon="edit" size="sm" label={t('affinity.change')} onClick={() => setEditing(true)} />}
            {data.may_own && <IconButton icon="x" size="sm" label={t('affinity.remove')} disabled={busy} onClick={() => remove.mutate()} />}
          </div>
          {!has.active && <p className="xs c-amber">{t('affinity.inactive')}</p>}
        </>
      ) : (
        <p className="sm muted">{t('affinity.none')}</p>
      )}
      {data && me !== undefined && has?.agent !== me && (data.may_own || data.may_manage) && (
        <div className="flex gap-2 wrap">
          {data.may_own && (
            <Button size="sm" icon="user" busy={busy} onClick={() => set.mutate({ agent: me, reason: '', strict: false })}>
              {t('affinity.own')}
            </Button>
          )}
          {data.may_manage && !has && (
            <Button size="sm" variant="ghost" onClick={() => setEditing(true)}>
              {t('affinity.choose')}
            </Button>
          )}
        </div>
      )}
      {editing && <Editor has={has} name={name} save={(change) => set.mutateAsync(change)} onClose={() => setEditing(false)} />}
    </section>
  );
}

function about(t: ReturnType<typeof useT>, affinity: Affinity, since: string): string {
  const by = affinity.by === null ? t('affinity.by.answer') : affinity.by_name && affinity.by !== affinity.agent ? t('affinity.by', { name: affinity.by_name }) : null;
  return [t('affinity.since', { date: since }), by, affinity.strict ? t('affinity.strict') : null, affinity.by === null ? null : affinity.reason].filter(Boolean).join(' · ');
}

function Editor({ has, name, save, onClose }: { has: Affinity | null; name: string; save(change: Change): Promise<unknown>; onClose(): void }) {
  const t = useT();
  const agents = useQuery(agentsQuery);
  const [agent, setAgent] = useState(has ? String(has.agent) : '');
  const [reason, setReason] = useState(has?.by ? has.reason : '');
  const [strict, setStrict] = useState(has?.strict ?? false);
  const store = useMutation({ mutationFn: () => save({ agent: Number(agent), reason: reason.trim(), strict }), onSuccess: onClose });
  const once = useOnce(store);
  return (
    <Dialog
      title={t('affinity.of', { customer: name })}
      onClose={onClose}
      onSubmit={() => once()}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" disabled={agent === ''} busy={store.isPending}>
            {t('affinity.save')}
          </Button>
        </>
      }
    >
      {store.error && <Banner tone="red">{explain(t, store.error)}</Banner>}
      <SelectField label={t('affinity.agent')} required value={agent} onChange={(event) => setAgent(event.target.value)}>
        <option value="">{t('affinity.nobody')}</option>
        {(agents.data ?? []).map((one) => (
          <option key={one.id} value={one.id}>
            {one.name}
          </option>
        ))}
      </SelectField>
      <TextField label={t('affinity.reason')} maxLength={200} value={reason} onChange={(event) => setReason(event.target.value)} />
      <Checkbox checked={strict} onChange={setStrict} help={t('affinity.strict.text')}>
        {t('affinity.strict')}
      </Checkbox>
    </Dialog>
  );
}
