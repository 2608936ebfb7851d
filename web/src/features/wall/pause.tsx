import { api } from '@/api/client';
import { keys } from '@/api/queries';
import type { Overview } from '@/api/types';
import { useT } from '@/i18n';
import { explain } from '@/lib/errors';
import { Banner, Button, Dialog, Segmented, SelectField, toast } from '@/ui';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

const MINUTES = ['5', '15', '30', '60'] as const;
type Minutes = (typeof MINUTES)[number];

/** Lets the clocks of a group, or of all, stand still for a while; none minutes lets them go on. */
export function usePause(done: () => void = () => undefined) {
  const t = useT();
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ group, minutes }: { group: number | null; minutes: number }) => api.post('/rotation-pauses', { group, minutes }),
    onSuccess: (_, { minutes }) => {
      toast(t(minutes > 0 ? 'wall.paused.done' : 'wall.resumed.done'));
      void client.invalidateQueries({ queryKey: keys.overview });
      done();
    },
    onError: (error) => toast(explain(t, error), { tone: 'error' }),
  });
}

export function Pause({ groups, chosen, onClose }: { groups: { value: string; label: string }[]; chosen: number | null; onClose(): void }) {
  const t = useT();
  const [group, setGroup] = useState(String(chosen ?? ''));
  const [minutes, setMinutes] = useState<Minutes>('15');
  const pause = usePause(onClose);
  return (
    <Dialog
      title={t('wall.pause.title')}
      onClose={onClose}
      onSubmit={() => pause.mutate({ group: group ? Number(group) : null, minutes: Number(minutes) })}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button type="submit" variant="primary" icon="pause" busy={pause.isPending}>
            {t('wall.pause.do')}
          </Button>
        </>
      }
    >
      {pause.error && <Banner tone="red">{explain(t, pause.error)}</Banner>}
      <p className="sm muted">{t('wall.pause.text')}</p>
      <SelectField label={t('filter.group')} value={group} onChange={(event) => setGroup(event.target.value)}>
        <option value="">{t('wall.pause.everything')}</option>
        {groups.map((one) => (
          <option key={one.value} value={one.value}>
            {one.label}
          </option>
        ))}
      </SelectField>
      <div className="field">
        <span className="label">{t('wall.pause.for')}</span>
        <Segmented<Minutes> label={t('wall.pause.for')} value={minutes} onChange={setMinutes} options={MINUTES.map((value) => ({ value, label: t('wall.pause.minutes', { n: value }) }))} />
      </div>
    </Dialog>
  );
}

/** The pauses that go on, each with its end and a way to end it now. */
export function Pauses({ pauses, now, name }: { pauses: Overview['pauses']; now: number; name(group: number | null): string }) {
  const t = useT();
  const pause = usePause();
  return pauses
    .filter((one) => one.until > now)
    .map((one) => (
      <Banner
        key={one.group ?? 0}
        tone="blue"
        icon="pause"
        action={
          <Button size="sm" busy={pause.isPending} onClick={() => pause.mutate({ group: one.group, minutes: 0 })} aria-label={t('wall.pause.end.of', { group: name(one.group) })}>
            {t('wall.pause.end')}
          </Button>
        }
      >
        <b>{name(one.group)}</b>: <Left until={one.until} now={now} />
      </Banner>
    ));
}

function Left({ until, now }: { until: number; now: number }) {
  const t = useT();
  const seconds = Math.max(0, Math.ceil((until - now) / 1_000));
  return <span className="num">{t('wall.paused', { for: `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}` })}</span>;
}
