import { api } from '@/api/client';
import { agentsQuery, listQuery } from '@/api/queries';
import type { Released } from '@/api/types';
import { useT } from '@/i18n';
import { explain } from '@/lib/errors';
import { useMe } from '@/lib/me';
import { customerName } from '@/lib/names';
import { Banner, Button, ChannelMark, Dialog, Radio, SelectField, toast } from '@/ui';
import { useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';

type Choice = 'keep' | 'queue' | 'transfer';

/** Whoever leaves with chats in their name says what becomes of them (spec AG-5). */
export function Leave({ held, out, busy, onClose }: { held: number; out(): void; busy: boolean; onClose(): void }) {
  const t = useT();
  const me = useMe();
  const [choice, setChoice] = useState<Choice>('keep');
  const [to, setTo] = useState('');
  const mine = useInfiniteQuery(listQuery({ tray: 'mine', state: 'active', order: 'waiting' }));
  const agents = useQuery({ ...agentsQuery, enabled: choice === 'transfer' });
  const list = mine.data?.pages.flatMap((page) => page.items) ?? [];
  const others = (agents.data ?? []).filter((agent) => agent.id !== me.agent?.id);
  const release = useMutation({
    mutationFn: () => api.post<Released>('/me/release', choice === 'transfer' ? { to: { agent: Number(to) } } : {}),
    onSuccess: (released) => {
      if (released.kept.length === 0) {
        toast(t('leave.done', { n: released.moved }));
        out();
      } else void mine.refetch();
    },
  });
  const kept = release.data?.kept ?? [];
  return (
    <Dialog
      title={t('account.out')}
      onClose={onClose}
      onSubmit={() => (choice === 'keep' ? out() : release.mutate())}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" busy={busy || release.isPending} disabled={choice === 'transfer' && to === ''}>
            {t('account.out')}
          </Button>
        </>
      }
    >
      {release.error && <Banner tone="red">{explain(t, release.error)}</Banner>}
      {kept.length > 0 && (
        <Banner tone="amber">
          {t('leave.kept', { n: kept.length })} {[...new Set(kept.map((one) => t.maybe(`error.${one.code}`, { load: '', cap: '' }) ?? one.code))].join(' ')}
        </Banner>
      )}
      <p>{t('account.out.held', { n: list.length || held })}</p>
      <ul className="pick-list" aria-label={t('leave.list')}>
        {list.map((c) => (
          <li key={c.id}>
            <Link className="pick-row" href={`/agent/mine/${c.id}`}>
              <ChannelMark kind={c.channel_account.kind} inline />
              <span className="grow trunc" dir="auto">
                {customerName(t, c)}
              </span>
              {c.owed_since !== null && <span className="badge badge-amber">{t('leave.owed')}</span>}
            </Link>
          </li>
        ))}
      </ul>
      <div role="radiogroup" aria-label={t('leave.what')} className="stack-2">
        <Radio name="leave" checked={choice === 'keep'} onChange={() => setChoice('keep')} help={t('leave.keep.text')}>
          {t('leave.keep')}
        </Radio>
        <Radio name="leave" checked={choice === 'queue'} onChange={() => setChoice('queue')} help={t('leave.queue.text')}>
          {t('leave.queue')}
        </Radio>
        <Radio name="leave" checked={choice === 'transfer'} onChange={() => setChoice('transfer')}>
          {t('leave.transfer')}
        </Radio>
      </div>
      {choice === 'transfer' && (
        <SelectField label={t('leave.to')} required value={to} onChange={(event) => setTo(event.target.value)}>
          <option value="">{t('groups.heir.none')}</option>
          {others.map((agent) => (
            <option key={agent.id} value={agent.id}>
              {`${agent.name} · ${t(`state.${agent.state}`)} · ${agent.load}${agent.limit == null ? '' : `/${agent.limit}`}`}
            </option>
          ))}
        </SelectField>
      )}
    </Dialog>
  );
}
