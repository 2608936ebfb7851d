import type { AgentState, ChannelKind } from '@/api/types';
import { useT } from '@/i18n';
import { useNow } from '@/lib/clock';
import { closedNow, openMs, type Closed } from '@/lib/hours';
import { hue, initials } from '@/lib/text';
import { countdown } from '@/lib/time';
import type { CSSProperties } from 'react';
import { Icon, type IconName } from './icon';

interface AvatarProps {
  name: string;
  size?: 20 | 24 | 32 | 36 | 48;
  state?: AgentState;
  photo?: string | null;
}

export function Avatar({ name, size = 32, state, photo }: AvatarProps) {
  return (
    <span className={`avatar avatar-${size}`} style={{ '--h': hue(name) } as CSSProperties}>
      {photo ? <img src={photo} alt="" /> : name ? <span aria-hidden="true">{initials(name)}</span> : <Icon name="user" size={size > 32 ? 18 : 14} />}
      {state && <i className={`dot dot-${state}`} />}
    </span>
  );
}

const MARKS: Record<ChannelKind, { icon: IconName; className: string }> = {
  whatsapp: { icon: 'whatsapp', className: 'mark-whatsapp' },
  web_chat: { icon: 'web', className: 'mark-web' },
  instagram: { icon: 'instagram', className: 'mark-instagram' },
  facebook: { icon: 'messenger', className: 'mark-messenger' },
  facebook_comment: { icon: 'facebook', className: 'mark-facebook' },
  instagram_comment: { icon: 'instagram', className: 'mark-instagram' },
};

export function ChannelMark({ kind, inline }: { kind: ChannelKind; inline?: boolean }) {
  const t = useT();
  const mark = MARKS[kind] ?? MARKS.web_chat;
  return (
    <span
      className={`mark ${mark.className}${inline ? ' mark-inline' : ''}`}
      role="img"
      aria-label={t.maybe(`channel.${kind}`) ?? kind}
    >
      <Icon name={mark.icon} />
    </span>
  );
}

interface RingProps {
  /** Part of the time that is left, 0 to 1. At 0 it is overdue. */
  left: number;
  size?: 20 | 44;
  /** It stands still. */
  paused?: boolean;
  label: string;
}

/** Empties clockwise from the top: grey with time to spare, amber from half, full red when overdue. */
export function Ring({ left, size = 44, paused, label }: RingProps) {
  const radius = 20.5;
  const around = 2 * Math.PI * radius;
  const part = Math.min(1, Math.max(0, left));
  const tone = paused ? ' ring-paused' : part <= 0 ? ' ring-red' : part <= 0.5 ? ' ring-amber' : '';
  return (
    <svg className={`ring${tone}${size === 20 ? ' ring-20' : ''}`} viewBox="0 0 44 44" role="img" aria-label={label}>
      <circle className="track" cx="22" cy="22" r={radius} />
      {part > 0 && (
        <circle
          className="left"
          cx="22"
          cy="22"
          r={radius}
          strokeDasharray={around}
          strokeDashoffset={-around * (1 - part)}
        />
      )}
    </svg>
  );
}

/** The ring of a chat's rotation, by the server's clock: the same deadline in list, header and wall. */
export function ClockRing({ rotateAt, total, size, closed = [] }: { rotateAt: number; total: number | null; size?: 20 | 44; closed?: readonly Closed[] }) {
  const t = useT();
  const now = useNow();
  const left = openMs(closed, now, rotateAt);
  const part = left <= 0 ? 0 : total ? left / total : 1;
  const paused = left > 0 && closedNow(closed, now) !== undefined;
  const label = left <= 0 ? t('clock.overdue') : paused ? t('clock.paused') : t('clock.rotates', { in: countdown(left) });
  return <Ring left={part} size={size} paused={paused} label={label} />;
}

const MOST_SEATS = 20;

/** One seat per place; a long row becomes a bar. */
export function Seats({ load, limit, label }: { load: number; limit: number; label: string }) {
  if (limit > MOST_SEATS) {
    return (
      <span className="bar" role="img" aria-label={label}>
        <i className={load >= limit ? 'full' : undefined} style={{ width: `${Math.min(100, (load / limit) * 100)}%` }} />
      </span>
    );
  }
  const seats = Math.max(limit, Math.min(load, MOST_SEATS));
  return (
    <span className={load >= limit ? 'seats is-full' : 'seats'} role="img" aria-label={label}>
      {Array.from({ length: seats }, (_, i) => (
        <i key={i} className={i < load ? (i >= limit ? 'on over' : 'on') : undefined} />
      ))}
    </span>
  );
}
