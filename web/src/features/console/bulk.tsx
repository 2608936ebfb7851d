import { api, deferredPost } from '@/api/client';
import { agentsQuery, groupsQuery } from '@/api/queries';
import type { Conversation } from '@/api/types';
import { useT } from '@/i18n';
import { explain, explainCode } from '@/lib/errors';
import { useMay } from '@/lib/me';
import { createStore, useStore } from '@/lib/store';
import { owedSince } from '@/realtime/cache';
import { Banner, Button, Dialog, IconButton, SelectField, TextField, toast } from '@/ui';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';

/** The chosen conversations; `null` while nobody chooses. */
export const chosen = createStore<ReadonlySet<number> | null>(null);
/** Conversations that leave the list when the time to undo is over. */
export const leaving = createStore<ReadonlySet<number>>(new Set());

/** Time to undo. Source: spec AG-9. The server is asked after it, so that nothing has to be taken back. */
const UNDO_MS = 10_000;
const MOST = 200;

type Action =
  | { type: 'close'; confirm_unanswered?: boolean; reason?: string }
  | { type: 'take' }
  | { type: 'transfer'; agent?: number; group?: number }
  | { type: 'read' }
  | { type: 'unread' };

interface Report {
  items: { id: number; ok: boolean; code: string | null; detail: string | null }[];
}

export function toggle(id: number): void {
  chosen.set((now) => {
    const next = new Set(now);
    if (!next.delete(id) && next.size < MOST) next.add(id);
    return next;
  });
}

const without = (gone: readonly number[]) => (now: ReadonlySet<number>) => new Set([...now].filter((id) => !gone.includes(id)));

/** What waits to be carried out; a page that goes away does it at once. */
const waiting = new Map<object, () => void>();

if (typeof window !== 'undefined') {
  window.addEventListener('pagehide', () => {
    for (const flush of waiting.values()) flush();
    waiting.clear();
  });
}

function useBulk() {
  const t = useT();
  return (list: readonly Conversation[], action: Action) => {
    const ids = list.map((c) => c.id);
    const body = {
      conversations: list.map((c) => ({ id: c.id, seen: c.epoch, ...(c.last_message ? { last_message: c.last_message.id } : {}) })),
      action,
    };
    const key = {};
    const away = action.type === 'close' || action.type === 'transfer';
    if (away) leaving.set((now) => new Set([...now, ...ids]));
    chosen.set(null);
    const back = () => leaving.set(without(ids));
    const run = async () => {
      waiting.delete(key);
      try {
        const report = await api.post<Report>('/conversations/bulk', body);
        const refused = report.items.filter((item) => !item.ok);
        if (refused.length > 0) toast(t('bulk.refused', { n: refused.length, why: explainCode(t, refused[0]?.code, refused[0]?.detail) }), { tone: 'error' });
      } catch (error) {
        toast(explain(t, error), { tone: 'error' });
      }
      back();
    };
    const timer = setTimeout(() => void run(), UNDO_MS);
    waiting.set(key, () => {
      clearTimeout(timer);
      deferredPost('/conversations/bulk', body);
    });
    toast(t(`bulk.done.${action.type}`, { n: ids.length }), {
      ms: UNDO_MS,
      action: {
        label: t('bulk.undo'),
        run: () => {
          clearTimeout(timer);
          waiting.delete(key);
          back();
        },
      },
    });
  };
}

/** What can be done to the chosen conversations. */
export function BulkBar({ rows, view }: { rows: readonly Conversation[]; view: string }) {
  const t = useT();
  const picked = useStore(chosen);
  const bulk = useBulk();
  const mayTake = useMay('conversations:take');
  const mayClose = useMay('conversations:close');
  const mayTransfer = useMay('conversations:transfer');
  const [asking, setAsking] = useState<{ what: 'close' | 'transfer'; of: string } | null>(null);
  if (asking && asking.of !== view) setAsking(null);
  useEffect(() => () => chosen.set(null), []);
  if (picked === null) return null;
  const list = rows.filter((c) => picked.has(c.id));
  const none = list.length === 0;
  return (
    <div className="queue bulk-bar" role="toolbar" aria-label={t('bulk.title')}>
      <span className="sm medium" role="status">
        {t('bulk.n', { n: list.length })}
      </span>
      <span className="flex gap-1 wrap push">
        <Button size="xs" disabled={rows.length === 0} onClick={() => chosen.set(new Set(rows.slice(0, MOST).map((c) => c.id)))}>
          {t('bulk.all')}
        </Button>
        <Button size="xs" disabled={none} onClick={() => bulk(list, { type: 'read' })}>
          {t('bulk.read')}
        </Button>
        <Button size="xs" disabled={none} onClick={() => bulk(list, { type: 'unread' })}>
          {t('bulk.unread')}
        </Button>
        {mayTake && (
          <Button size="xs" disabled={none} onClick={() => bulk(list, { type: 'take' })}>
            {t('act.take')}
          </Button>
        )}
        {mayTransfer && (
          <Button size="xs" disabled={none} onClick={() => setAsking({ what: 'transfer', of: view })}>
            {t('act.transfer')}
          </Button>
        )}
        {mayClose && (
          <Button size="xs" disabled={none} onClick={() => setAsking({ what: 'close', of: view })}>
            {t('act.close')}
          </Button>
        )}
        <IconButton size="xs" icon="x" label={t('bulk.stop')} onClick={() => chosen.set(null)} />
      </span>
      {asking?.what === 'close' && <CloseMany list={list} onClose={() => setAsking(null)} onRun={bulk} />}
      {asking?.what === 'transfer' && <TransferMany list={list} onClose={() => setAsking(null)} onRun={bulk} />}
    </div>
  );
}

interface Ask {
  list: readonly Conversation[];
  onClose(): void;
  onRun(list: readonly Conversation[], action: Action): void;
}

function CloseMany({ list, onClose, onRun }: Ask) {
  const t = useT();
  const owed = list.filter((c) => owedSince(c) !== null).length;
  const [reason, setReason] = useState('');
  return (
    <Dialog
      title={t('bulk.close.title', { n: list.length })}
      onClose={onClose}
      onSubmit={() => {
        onClose();
        onRun(list, owed > 0 ? { type: 'close', confirm_unanswered: true, reason: reason.trim() } : { type: 'close' });
      }}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" disabled={owed > 0 && !reason.trim()}>
            {t('act.close')}
          </Button>
        </>
      }
    >
      {owed > 0 ? (
        <>
          <Banner tone="amber">{t('bulk.close.owed', { n: owed })}</Banner>
          <TextField label={t('bulk.close.reason')} required autoFocus maxLength={200} value={reason} onChange={(event) => setReason(event.target.value)} />
        </>
      ) : (
        <p>{t('bulk.close.text')}</p>
      )}
    </Dialog>
  );
}

function TransferMany({ list, onClose, onRun }: Ask) {
  const t = useT();
  const agents = useQuery(agentsQuery);
  const groups = useQuery(groupsQuery);
  const [to, setTo] = useState('');
  return (
    <Dialog
      title={t('bulk.transfer.title', { n: list.length })}
      onClose={onClose}
      onSubmit={() => {
        const [kind, id] = to.split(':');
        onClose();
        onRun(list, { type: 'transfer', [kind === 'group' ? 'group' : 'agent']: Number(id) });
      }}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" disabled={!to}>
            {t('act.transfer')}
          </Button>
        </>
      }
    >
      <SelectField label={t('bulk.transfer.to')} autoFocus value={to} onChange={(event) => setTo(event.target.value)}>
        <option value="" />
        <optgroup label={t('rail.groups')}>
          {groups.data?.map((group) => (
            <option key={group.id} value={`group:${group.id}`}>
              {group.name}
            </option>
          ))}
        </optgroup>
        <optgroup label={t('tray.agents')}>
          {agents.data?.map((agent) => (
            <option key={agent.id} value={`agent:${agent.id}`}>
              {agent.name} · {t(`state.${agent.state}`)}
            </option>
          ))}
        </optgroup>
      </SelectField>
    </Dialog>
  );
}
