import { useT } from '@/i18n';
import { serverNow } from '@/lib/clock';
import { explain } from '@/lib/errors';
import { useMe } from '@/lib/me';
import { useOnce } from '@/lib/once';
import { useStore } from '@/lib/store';
import { Banner, Button, Dialog, SelectField, TextField } from '@/ui';
import { useState } from 'react';
import { awayDialog, reasonText, useMyState } from './rail';

const MINUTE = 60_000;
const LENGTHS = [5, 15, 30, 60, 120];

/** An absence with its reason and its end: nobody has to remember to come back. */
export function AwayDialog() {
  return useStore(awayDialog) ? <Away onClose={() => awayDialog.set(false)} /> : null;
}

function Away({ onClose }: { onClose(): void }) {
  const t = useT();
  const { change } = useMyState();
  const once = useOnce(change);
  const reasons = useMe().workspace?.away_reasons ?? [];
  const [reason, setReason] = useState(reasons[0] ?? '');
  const [own, setOwn] = useState('');
  const [minutes, setMinutes] = useState('15');
  const words = reason === 'other' && own.trim() ? own.trim() : reason;
  const set = () =>
    once({ state: 'away', ...(words ? { reason: words } : {}), ...(minutes ? { until: serverNow() + Number(minutes) * MINUTE } : {}) }, { onSuccess: onClose });
  return (
    <Dialog
      title={t('away.title')}
      onClose={onClose}
      onSubmit={set}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" busy={change.isPending}>
            {t('away.set')}
          </Button>
        </>
      }
    >
      {change.error && <Banner tone="red">{explain(t, change.error)}</Banner>}
      <SelectField label={t('away.reason')} value={reason} onChange={(event) => setReason(event.target.value)}>
        {reasons.map((one) => (
          <option key={one} value={one}>
            {reasonText(t, one)}
          </option>
        ))}
        <option value="">{t('away.reason.none')}</option>
      </SelectField>
      {reason === 'other' && <TextField label={t('away.reason.own')} maxLength={80} value={own} onChange={(event) => setOwn(event.target.value)} />}
      <SelectField label={t('away.until')} value={minutes} onChange={(event) => setMinutes(event.target.value)}>
        {LENGTHS.map((length) => (
          <option key={length} value={length}>
            {t('away.minutes', { n: length })}
          </option>
        ))}
        <option value="">{t('away.open')}</option>
      </SelectField>
    </Dialog>
  );
}

/** Two chats went by without a sign of life: what happened, and one click back. */
export function StruckBanner() {
  const t = useT();
  const { agent, change } = useMyState();
  if (agent?.chosen !== 'away' || agent.reason !== 'no_answer') return null;
  return (
    <div className="offline">
      <Banner
        tone="amber"
        action={
          <Button size="sm" variant="primary" busy={change.isPending} onClick={() => change.mutate({ state: 'online' })}>
            {t('state.go.online')}
          </Button>
        }
      >
        {t('strikes.text')}
      </Banner>
    </div>
  );
}
