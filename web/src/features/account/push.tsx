import { api, ApiError } from '@/api/client';
import type { Agent, Page as Paged, PushDevice, PushSettings } from '@/api/types';
import { useT } from '@/i18n';
import { useNow } from '@/lib/clock';
import { explain } from '@/lib/errors';
import { useMe } from '@/lib/me';
import { support, turnOff, turnOn } from '@/lib/push';
import { coarse } from '@/lib/time';
import { Badge, Banner, Button, Failure, Icon, IconButton, Loading, Setting, Switch, toast } from '@/ui';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

const settingsKey = ['push'] as const;
const devicesKey = ['push-devices'] as const;

/** What arrives here while no page is open, and whether that keeps one available. */
export function PushSection() {
  const t = useT();
  const settings = useQuery({ queryKey: settingsKey, queryFn: () => api.get<PushSettings>('/me/push') });
  const devices = useQuery({ queryKey: devicesKey, queryFn: () => api.get<Paged<PushDevice>>('/me/push-devices') });
  if (!settings.data || !devices.data) {
    const error = settings.error ?? devices.error;
    const again = () => void Promise.all([settings.refetch(), devices.refetch()]);
    return (
      <div className="sets card">
        <Setting title={t('push.title')}>{error ? <Failure error={error} retry={again} /> : <Loading lines={2} />}</Setting>
      </div>
    );
  }
  return (
    <div className="sets card">
      <Here settings={settings.data} device={devices.data.items.find((one) => one.current)} />
      <Stay settings={settings.data} any={devices.data.items.length > 0} />
      <List devices={devices.data.items} />
    </div>
  );
}

function Here({ settings, device }: { settings: PushSettings; device: PushDevice | undefined }) {
  const t = useT();
  const me = useMe();
  const client = useQueryClient();
  const [can, setCan] = useState(support);
  const again = () => client.invalidateQueries({ queryKey: devicesKey });
  const on = useMutation({
    mutationFn: (key: string) => turnOn(key, me.agent?.id ?? 0),
    onSettled: () => {
      setCan(support());
      void again();
    },
  });
  const off = useMutation({
    mutationFn: turnOff,
    onError: (error) => toast(explain(t, error), { tone: 'error' }),
    onSettled: again,
  });
  const test = useMutation({
    mutationFn: (id: number) => api.post(`/me/push-devices/${id}/test`, {}),
    onSuccess: () => toast(t('push.tried')),
    onError: (error) => toast(explain(t, error), { tone: 'error' }),
  });
  const key = settings.public_key;
  const why = !key ? t('push.absent') : can === 'unsupported' ? t('push.unsupported') : null;
  const control = device ? (
    <Badge tone="green">{t('push.is.on')}</Badge>
  ) : key && can === 'possible' ? (
    <Button icon="bell" busy={on.isPending} onClick={() => on.mutate(key)}>
      {t('push.on')}
    </Button>
  ) : undefined;
  return (
    <Setting name="push" title={t('push.title')} text={t('push.text')} control={control}>
      {why && <p className="sm muted">{why}</p>}
      {can === 'denied' && <Banner tone="amber">{t('push.denied')}</Banner>}
      {on.error && <Banner tone="red">{on.error instanceof ApiError ? explain(t, on.error) : t('push.failed')}</Banner>}
      {device && (
        <div className="flex gap-2 wrap">
          <Button size="sm" busy={test.isPending} onClick={() => test.mutate(device.id)}>
            {t('push.try')}
          </Button>
          <Button size="sm" variant="ghost" busy={off.isPending} onClick={() => off.mutate(device.id)}>
            {t('push.off')}
          </Button>
        </div>
      )}
    </Setting>
  );
}

function Stay({ settings, any }: { settings: PushSettings; any: boolean }) {
  const t = useT();
  const client = useQueryClient();
  const stay = useMutation({
    mutationFn: (available: boolean) => api.put<Agent>('/me/background', { available }),
    onSuccess: (agent) => client.setQueryData(settingsKey, { ...settings, background: agent.background }),
    onError: (error) => toast(explain(t, error), { tone: 'error' }),
  });
  const never = settings.background_hours === 0;
  // Taken back whenever one likes; chosen when it can be kept.
  const idle = !settings.background && (never || !any);
  return (
    <Setting
      name="stay"
      title={t('push.stay')}
      text={never ? t('push.stay.never') : t('push.stay.text', { n: settings.background_hours })}
      control={<Switch label={t('push.stay')} checked={settings.background} disabled={idle || stay.isPending} onChange={(next) => stay.mutate(next)} />}
    >
      {!never && !any && <p className="sm muted">{t('push.stay.none')}</p>}
    </Setting>
  );
}

function List({ devices }: { devices: PushDevice[] }) {
  const t = useT();
  const now = useNow();
  const client = useQueryClient();
  const out = useMutation({
    mutationFn: (device: PushDevice) => (device.current ? turnOff(device.id) : api.delete(`/me/push-devices/${device.id}`)),
    onError: (error) => toast(explain(t, error), { tone: 'error' }),
    onSettled: () => client.invalidateQueries({ queryKey: devicesKey }),
  });
  return (
    <Setting title={t('push.devices')}>
      {devices.length === 0 && <p className="sm muted">{t('push.none')}</p>}
      <ul className="stack-2">
        {devices.map((device) => (
          <li key={device.id} className="flex gap-3">
            <Icon name="bell" size={20} />
            <span className="grow">
              <span className="medium block">{device.label}</span>
              <span className="xs muted">{device.accepted_at === null ? t('push.waiting') : t('push.last', { ago: coarse(now - device.accepted_at) })}</span>
            </span>
            {device.failures > 0 && <Badge tone="amber">{t('push.failing')}</Badge>}
            {device.current && <Badge tone="green">{t('devices.this')}</Badge>}
            <IconButton size="sm" icon="x" label={t('push.remove', { device: device.label })} disabled={out.isPending} onClick={() => out.mutate(device)} />
          </li>
        ))}
      </ul>
    </Setting>
  );
}
