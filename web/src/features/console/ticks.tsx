import type { MessageStatus } from '@/api/types';
import { useT } from '@/i18n';
import { Icon, type IconName } from '@/ui';

const ICONS: Record<MessageStatus, IconName> = {
  queued: 'clock',
  uncertain: 'help',
  sent: 'check',
  delivered: 'checks',
  read: 'checks',
  played: 'checks',
  failed: 'error',
};

/** How far a message got; the word is the label. */
export function Ticks({ status }: { status: MessageStatus | null }) {
  const t = useT();
  if (!status) return null;
  const tone = status === 'read' || status === 'played' ? 'read' : status === 'failed' ? 'fail' : '';
  return (
    <span className={`ticks ${tone}`} role="img" aria-label={t(`status.${status}`)} title={t(`status.${status}`)}>
      <Icon name={ICONS[status] ?? 'check'} size={14} />
    </span>
  );
}
