import { api } from '@/api/client';
import { keys } from '@/api/queries';
import type { WallAgent } from '@/api/types';
import { useT } from '@/i18n';
import { serverNow } from '@/lib/clock';
import { explain } from '@/lib/errors';
import { useMe } from '@/lib/me';
import { Banner, Button, Dialog, SelectField, TextField } from '@/ui';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

const MINUTE = 60_000;
const LENGTHS = [15, 30, 60, 120];

/** A supervisor sends somebody away, with a reason that is recorded and, if wished, an end. */
export function AwayDialog({ agent, onClose }: { agent: WallAgent; onClose(): void }) {
  const t = useT();
  const client = useQueryClient();
  const reasons = useMe().workspace?.away_reasons ?? [];
  const [reason, setReason] = useState(reasons[0] ?? 'other');
  const [own, setOwn] = useState('');
  const [minutes, setMinutes] = useState('');
  const words = reason === 'other' ? own.trim() : reason;
  const set = useMutation({
    mutationFn: () => api.put(`/agents/${agent.id}/state`, { state: 'away', reason: words, ...(minutes ? { until: serverNow() + Number(minutes) * MINUTE } : {}) }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['overview'] });
      void client.invalidateQueries({ queryKey: keys.agents });
      onClose();
    },
  });
  return (
    <Dialog
      title={t('wall.away.title', { name: agent.name })}
      onClose={onClose}
      onSubmit={() => set.mutate()}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" disabled={!words} busy={set.isPending}>
            {t('wall.set.away')}
          </Button>
        </>
      }
    >
      {set.error && <Banner tone="red">{explain(t, set.error)}</Banner>}
      <SelectField label={t('away.reason')} value={reason} onChange={(event) => setReason(event.target.value)}>
        {[...new Set([...reasons, 'other'])].map((one) => (
          <option key={one} value={one}>
            {t.maybe(`state.reason.${one}`) ?? one}
          </option>
        ))}
      </SelectField>
      {reason === 'other' && <TextField label={t('away.reason.own')} required maxLength={80} value={own} onChange={(event) => setOwn(event.target.value)} />}
      <SelectField label={t('away.until')} value={minutes} onChange={(event) => setMinutes(event.target.value)}>
        <option value="">{t('away.open')}</option>
        {LENGTHS.map((length) => (
          <option key={length} value={length}>
            {t('away.minutes', { n: length })}
          </option>
        ))}
      </SelectField>
    </Dialog>
  );
}
