import { ApiError } from '@/api/client';
import { useT } from '@/i18n';
import { explain } from '@/lib/errors';
import type { ReactNode } from 'react';
import { Button } from './controls';
import { Icon, type IconName } from './icon';

export function Banner({
  tone,
  icon,
  children,
  action,
}: {
  tone?: 'amber' | 'red' | 'blue' | 'green';
  icon?: IconName;
  children: ReactNode;
  action?: ReactNode;
}) {
  const drawing = icon ?? (tone === 'red' || tone === 'amber' ? 'warn' : 'info');
  return (
    <div className={tone ? `banner banner-${tone}` : 'banner'} role={tone === 'red' ? 'alert' : 'status'}>
      <Icon name={drawing} />
      <div className="grow">{children}</div>
      {action}
    </div>
  );
}

export function Badge({ tone, icon, children }: { tone?: 'amber' | 'red' | 'blue' | 'green'; icon?: IconName; children: ReactNode }) {
  return (
    <span className={tone ? `badge badge-${tone}` : 'badge'}>
      {icon && <Icon name={icon} />}
      {children}
    </span>
  );
}

/** Nothing here, and what to do about it. */
export function Empty({ icon, title, children, action }: { icon: IconName; title: ReactNode; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="empty">
      <span className="art" aria-hidden="true">
        <Icon name={icon} size={24} />
      </span>
      <h3>{title}</h3>
      {children && <p>{children}</p>}
      {action}
    </div>
  );
}

export function Skeleton({ width, height = 12, round }: { width: number | string; height?: number; round?: boolean }) {
  return <span className={round ? 'skel skel-round' : 'skel'} style={{ width, height, display: 'inline-block' }} aria-hidden="true" />;
}

/** What went wrong, what was kept, and the way out. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const t = useT();
  const offline = error instanceof ApiError && error.status === 0;
  return (
    <Empty
      icon={offline ? 'wifioff' : 'warn'}
      title={offline ? t('error.network.title') : t('error.title')}
      action={
        retry && (
          <Button icon="retry" onClick={retry}>
            {t('common.retry')}
          </Button>
        )
      }
    >
      {explain(t, error)}
    </Empty>
  );
}

/** Placeholder lines of a page while its data is on the way. */
export function Loading({ lines = 4 }: { lines?: number }) {
  const t = useT();
  return (
    <div className="loading" role="status" aria-label={t('common.loading')}>
      {Array.from({ length: lines }, (_, i) => (
        <Skeleton key={i} width={`${88 - ((i * 17) % 40)}%`} height={14} />
      ))}
    </div>
  );
}
