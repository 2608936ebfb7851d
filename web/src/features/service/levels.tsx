import { api, ApiError } from '@/api/client';
import { channelNamesQuery, groupsQuery } from '@/api/queries';
import type { Compliance, Page as Paged, ServiceTarget } from '@/api/types';
import { useT } from '@/i18n';
import { useEdit } from '@/lib/edit';
import { explain } from '@/lib/errors';
import { useMay } from '@/lib/me';
import { duration } from '@/lib/time';
import { Banner, Button, Checkbox, Confirm, Dialog, Empty, Failure, Loading, Newer, Page, Radio, SelectField, SimulatedChip, TextField, toast } from '@/ui';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

const targets = ['service-targets'] as const;
const METRICS = ['first_response', 'next_response', 'wait_for_agent', 'resolution'] as const;
const MOST_MINUTES = 1_440;
/** Of a target, in minutes: ten seconds, and thirty days. */
const TARGET = { least: 10 / 60, most: 43_200 };

/** What customers are promised, and how it was kept. */
export default function Levels() {
  const t = useT();
  const may = useMay('routing:edit');
  const { data: groups } = useQuery(groupsQuery);
  const { data: accounts } = useQuery(channelNamesQuery);
  const list = useQuery({ queryKey: targets, queryFn: ({ signal }) => api.get<Paged<ServiceTarget>>('/service-targets', undefined, signal) });
  const [simulated, setSimulated] = useState(false);
  const kept = useQuery({ queryKey: [...targets, 'kept', simulated], queryFn: ({ signal }) => api.get<Paged<Compliance>>('/reports/service-levels', simulated ? { simulated: 'include' } : undefined, signal), refetchInterval: 30_000 });
  const [open, setOpen] = useState<ServiceTarget | 'new' | null>(null);
  const of = (target: ServiceTarget) => kept.data?.items.find((one) => one.target === target.id);
  const where = (target: ServiceTarget) =>
    [
      target.group === null ? t('levels.groups') : (groups?.find((one) => one.id === target.group)?.name ?? `#${target.group}`),
      target.channel_account === null ? t('levels.channels') : (accounts?.find((one) => one.id === target.channel_account)?.name ?? `#${target.channel_account}`),
      ...(target.priority_minutes > 0 ? [t('levels.priority.short', { n: target.priority_minutes })] : []),
    ].join(' · ');
  const follows = (target: ServiceTarget) =>
    [
      ...(target.notify ? [t('levels.notify')] : []),
      ...(target.raise_minutes > 0 ? [t('levels.raise.short', { n: target.raise_minutes })] : []),
      ...(target.to_group == null ? [] : [t('levels.to_group.short', { group: groups?.find((one) => one.id === target.to_group)?.name ?? `#${target.to_group}` })]),
    ].join(' · ');
  return (
    <Page
      title={t('nav.levels')}
      purpose={t('levels.purpose')}
      actions={
        may && (
          <Button variant="primary" icon="plus" onClick={() => setOpen('new')}>
            {t('levels.new')}
          </Button>
        )
      }
    >
      <div className="flex gap-2 wrap">
        <SimulatedChip on={simulated} onChange={setSimulated} />
      </div>
      {list.isPending ? (
        <Loading lines={4} />
      ) : !list.data ? (
        <Failure error={list.error} retry={() => void list.refetch()} />
      ) : list.data.items.length === 0 ? (
        <Empty icon="clock" title={t('levels.none')}>
          {t('levels.none.text')}
        </Empty>
      ) : (
        <div className="scroll-x" role="region" aria-label={t('nav.levels')} tabIndex={0}>
          <table className="table">
            <thead>
              <tr>
                <th>{t('levels.metric')}</th>
                <th>{t('levels.where')}</th>
                <th className="r">{t('levels.target')}</th>
                <th className="r">{t('levels.kept')}</th>
                <th className="r">{t('levels.met')}</th>
                <th className="r">{t('levels.missed')}</th>
                <th className="r">{t('levels.open')}</th>
                <th>{t('levels.follows')}</th>
                <th>
                  <span className="sr">{t('levels.change')}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {list.data.items.map((target) => {
                const row = of(target);
                return (
                  <tr key={target.id}>
                    <td className="medium">{t(`levels.metric.${target.metric}`)}</td>
                    <td>{where(target)}</td>
                    <td className="r num">
                      {duration(target.seconds * 1_000)} <span className="xs muted">{target.business ? t('levels.business.short') : t('levels.clock.short')}</span>
                    </td>
                    <td className="r num semi">{row?.permille == null ? '–' : `${t.number(row.permille / 10)} %`}</td>
                    <td className="r num">{t.number(row?.met ?? 0)}</td>
                    <td className="r num">{t.number(row?.missed ?? 0)}</td>
                    <td className="r num">
                      {t.number(row?.open ?? 0)}
                      {(row?.open_overdue ?? 0) > 0 && <span className="c-red xs"> · {t('levels.open.overdue', { n: row?.open_overdue ?? 0 })}</span>}
                    </td>
                    <td className="sm muted">{follows(target) || '–'}</td>
                    <td className="r">
                      {may && (
                        <Button size="sm" onClick={() => setOpen(target)} aria-label={t('levels.edit', { metric: t(`levels.metric.${target.metric}`), where: where(target) })}>
                          {t('levels.change')}
                        </Button>
                      )}
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
      <p className="xs muted below">{t('levels.how')}</p>
      {open && <Edit target={open === 'new' ? null : (list.data?.items.find((target) => target.id === open.id) ?? open)} onClose={() => setOpen(null)} />}
    </Page>
  );
}

function Edit({ target, onClose }: { target: ServiceTarget | null; onClose(): void }) {
  const t = useT();
  const client = useQueryClient();
  const { data: groups } = useQuery(groupsQuery);
  const { data: accounts } = useQuery(channelNamesQuery);
  const edit = useEdit(target?.version ?? 0, {
    metric: target?.metric ?? ('first_response' as ServiceTarget['metric']),
    group: String(target?.group ?? ''),
    channel: String(target?.channel_account ?? ''),
    minutes: target ? String(target.seconds / 60) : '15',
    business: target?.business ?? true,
    notify: target?.notify ?? true,
    priority: String(target?.priority_minutes ?? 0),
    raise: String(target?.raise_minutes ?? 0),
    toGroup: String(target?.to_group ?? ''),
  });
  const { metric, group, channel, minutes, business, notify, priority, raise, toGroup } = edit.value;
  const [apply, setApply] = useState(false);
  const done = () => {
    void client.invalidateQueries({ queryKey: targets });
    onClose();
  };
  const save = useMutation({
    mutationFn: () => {
      const body = { seconds: Math.round(Number(minutes) * 60), business, notify, raise_minutes: Number(raise) || 0, to_group: toGroup ? Number(toGroup) : null };
      return target
        ? api.patch(`/service-targets/${target.id}`, { ...body, apply }, target.version)
        : api.post('/service-targets', { ...body, metric, group: group ? Number(group) : null, channel_account: channel ? Number(channel) : null, priority_minutes: Number(priority) || 0 });
    },
    onSuccess: () => {
      toast(t('save.done'));
      done();
    },
    onError: (error) => {
      if (error instanceof ApiError && error.status === 412) void client.invalidateQueries({ queryKey: targets });
    },
  });
  const [removing, setRemoving] = useState(false);
  const remove = useMutation({
    mutationFn: () => api.delete(`/service-targets/${target?.id}`),
    onSuccess: () => {
      toast(t('save.done'));
      done();
    },
  });
  const wrong = save.error instanceof ApiError ? save.error : null;
  const failed = save.error && !wrong?.problem.errors?.length ? save.error : null;
  return (
    <>
      <Dialog
        title={target ? t('levels.edit.title') : t('levels.new')}
        unsaved={edit.dirty}
        onClose={onClose}
        onSubmit={() => save.mutate()}
        footer={
          <>
            {target && (
              <Button variant="danger-ghost" onClick={() => setRemoving(true)}>
                {t('levels.remove')}
              </Button>
            )}
            <span className="grow" />
            <Button onClick={onClose}>{t('common.cancel')}</Button>
            <Button type="submit" variant="primary" busy={save.isPending} disabled={!(Number(minutes) > 0) || edit.newer}>
              {t('save.save')}
            </Button>
          </>
        }
      >
        <Newer choice={edit} onChosen={save.reset} />
        {failed && !edit.newer ? <Banner tone="red">{explain(t, failed)}</Banner> : null}
        {wrong?.about('/metric') && <Banner tone="red">{t('levels.taken')}</Banner>}
        {!target && (
          <>
            <SelectField label={t('levels.metric')} value={metric} onChange={(event) => {
                const next = event.target.value as ServiceTarget['metric'];
                // The whole of a conversation is measured by the clock, unless somebody says otherwise.
                edit.put({ metric: next, business: next !== 'resolution' });
              }}
              help={t(`levels.metric.${metric}.help`)}
            >
              {METRICS.map((one) => (
                <option key={one} value={one}>
                  {t(`levels.metric.${one}`)}
                </option>
              ))}
            </SelectField>
            <div className="cols-2">
              <SelectField label={t('filter.group')} value={group} onChange={(event) => edit.put({ group: event.target.value })}>
                <option value="">{t('levels.groups')}</option>
                {groups?.map((one) => (
                  <option key={one.id} value={one.id}>
                    {one.name}
                  </option>
                ))}
              </SelectField>
              <SelectField label={t('nav.channels')} value={channel} onChange={(event) => edit.put({ channel: event.target.value })}>
                <option value="">{t('levels.channels')}</option>
                {accounts?.map((one) => (
                  <option key={one.id} value={one.id}>
                    {one.name}
                  </option>
                ))}
              </SelectField>
            </div>
            <TextField label={t('levels.priority')} help={t('levels.priority.help')} type="number" min={0} max={MOST_MINUTES} step={1} error={wrong?.about('/priority_minutes')} value={priority} onChange={(event) => edit.put({ priority: event.target.value })} />
          </>
        )}
        <TextField label={t('levels.minutes')} type="number" min={TARGET.least} max={TARGET.most} step="any" required error={wrong?.about('/seconds', (seconds) => (seconds < 60 ? `${seconds} s` : `${t.number(seconds / 60)} min`))} value={minutes} onChange={(event) => edit.put({ minutes: event.target.value })} />
        <div className="opts" role="radiogroup" aria-label={t('levels.count')}>
          <Radio name="business" checked={business} onChange={() => edit.put({ business: true })} help={t('levels.business.help')}>
            {t('levels.business')}
          </Radio>
          <Radio name="business" checked={!business} onChange={() => edit.put({ business: false })} help={t('levels.clock.help')}>
            {t('levels.clock')}
          </Radio>
        </div>
        <Checkbox checked={notify} onChange={(notify) => edit.put({ notify })} help={t('levels.notify.help')}>
          {t('levels.notify')}
        </Checkbox>
        <div className="cols-2">
          <TextField label={t('levels.raise')} help={t('levels.raise.help')} type="number" min={0} max={MOST_MINUTES} step={1} error={wrong?.about('/raise_minutes')} value={raise} onChange={(event) => edit.put({ raise: event.target.value })} />
          <SelectField label={t('levels.to_group')} help={t('levels.to_group.help')} value={toGroup} onChange={(event) => edit.put({ toGroup: event.target.value })}>
            <option value="">{t('levels.to_group.none')}</option>
            {groups?.map((one) => (
              <option key={one.id} value={one.id}>
                {one.name}
              </option>
            ))}
          </SelectField>
        </div>
        {target && (
          <Checkbox checked={apply} onChange={setApply} help={t('levels.apply.help')}>
            {t('levels.apply')}
          </Checkbox>
        )}
      </Dialog>
      {removing && (
        <Confirm title={t('levels.remove.title')} action={t('levels.remove')} busy={remove.isPending} error={remove.error} onConfirm={() => remove.mutate()} onClose={() => setRemoving(false)}>
          <p>{t(`levels.metric.${metric}`)}</p>
        </Confirm>
      )}
    </>
  );
}
