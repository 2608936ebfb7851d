import type { ChannelAccount } from '@/api/types';
import { useT } from '@/i18n';
import { useNow } from '@/lib/clock';
import { coarse } from '@/lib/time';
import { Badge, Banner, Icon, Setting } from '@/ui';

interface Seen {
  display_phone?: string | null;
  verified_name?: string | null;
  quality?: string | null;
  name_status?: string | null;
  messaging_limit?: string | null;
  subscribed?: boolean | null;
  subscribe_error?: string | null;
  callback_error?: string | null;
  checked_at?: number | null;
  last_webhook_at?: number | null;
  refused_signatures?: number | null;
}

type State = 'done' | 'open' | 'bad';
const LOOK = { done: ['check', 'c-green'], open: ['clock', 'muted'], bad: ['warn', 'c-red'] } as const;
const TONE = { GREEN: 'green', YELLOW: 'amber', RED: 'red' } as const;

/** The steps of connecting a number, each with its result and what mends it, and how the number stands. */
export function Health({ account }: { account: ChannelAccount }) {
  const t = useT();
  const now = useNow();
  const seen = account.health as Seen;
  const ago = (at: number) => coarse(now - at);
  const down = account.status === 'disconnected';
  const steps: { id: string; state: State; result: React.ReactNode; hint?: string | false }[] = [
    {
      id: 'number',
      state: down ? 'bad' : 'done',
      result: down ? account.status_detail : [seen.display_phone, seen.verified_name].filter(Boolean).join(' · '),
      hint: down && t('health.number.hint'),
    },
    {
      id: 'subscribed',
      state: seen.subscribed === false ? 'bad' : seen.subscribed ? 'done' : 'open',
      result: seen.subscribe_error ?? (seen.subscribed ? t('health.subscribed.done') : ''),
      hint: seen.subscribed === false && t('health.subscribed.hint'),
    },
    {
      id: 'callback',
      state: seen.callback_error ? 'open' : 'done',
      result: seen.callback_error ?? t('health.callback.done'),
      hint: !!seen.callback_error && t('health.callback.hint'),
    },
    {
      id: 'webhook',
      state: seen.last_webhook_at ? 'done' : 'open',
      result: seen.last_webhook_at ? t('health.webhook.done', { ago: ago(seen.last_webhook_at) }) : t('health.webhook.none'),
      hint: !seen.last_webhook_at && t('health.webhook.hint'),
    },
  ];
  return (
    <Setting title={t('health.title')} text={seen.checked_at ? t('health.checked', { ago: ago(seen.checked_at) }) : undefined}>
      <div className="stack">
        {account.waiting > 0 && account.waiting_since != null && (
          <Banner tone="amber">{t('health.waiting', { n: account.waiting, ago: ago(account.waiting_since) })}</Banner>
        )}
        {(seen.refused_signatures ?? 0) > 0 && <Banner tone="amber">{t('health.refused', { n: seen.refused_signatures ?? 0 })}</Banner>}
        <ol className="steps">
          {steps.map((step) => (
            <li key={step.id}>
              <span className={LOOK[step.state][1]}>
                <Icon name={LOOK[step.state][0]} />
                <span className="sr">{t(`health.state.${step.state}`)}</span>
              </span>
              <span className="grow">
                <span className="medium block">{t.maybe(`health.${step.id}`)}</span>
                <span className="sm muted block">{step.result}</span>
                {step.hint && <span className="sm block">{step.hint}</span>}
              </span>
            </li>
          ))}
        </ol>
        <p className="flex gap-2 wrap">
          {seen.quality && <Badge tone={TONE[seen.quality as keyof typeof TONE]}>{t('health.quality', { quality: t.maybe(`health.quality.${seen.quality}`) ?? seen.quality })}</Badge>}
          {seen.messaging_limit && <Badge>{t('health.tier', { tier: seen.messaging_limit.replace('TIER_', '') })}</Badge>}
          {seen.name_status && <Badge>{t('health.name', { status: t.maybe(`health.name.${seen.name_status}`) ?? seen.name_status })}</Badge>}
        </p>
      </div>
    </Setting>
  );
}
