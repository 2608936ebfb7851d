import { icons, type IconName } from './icons';

export type { IconName };

/** A line icon. Decoration only: the word stands beside it or in the label of what it is in. */
export function Icon({ name, size }: { name: IconName; size?: 12 | 14 | 18 | 20 | 24 }) {
  return (
    <svg
      className={size ? `i i-${size}` : 'i'}
      viewBox="0 0 24 24"
      aria-hidden="true"
      dangerouslySetInnerHTML={{ __html: icons[name] }}
    />
  );
}

/** A mate gourd seen from above: the bombilla points at whose turn it is. */
export function Logo({ className = 'logo' }: { className?: string }) {
  return (
    <svg className={className} viewBox="0 0 32 32" fill="none" stroke="currentColor" strokeWidth="4" aria-hidden="true">
      <path d="M25.46 12.21A11.5 11.5 0 1 1 19.79 6.54" />
      <path d="M15 17 28 4" strokeLinecap="round" />
      <circle cx="15" cy="17" r="4" fill="currentColor" stroke="none" />
    </svg>
  );
}

export function Wordmark() {
  return (
    <svg
      className="wordmark"
      viewBox="0 0 97 28"
      fill="none"
      stroke="currentColor"
      strokeWidth="3.4"
      strokeLinecap="round"
      strokeLinejoin="round"
      role="img"
      aria-label={'Ronda'}
    >
      <path d="M3 25V10.7M3 16.5c0-3.6 2.6-6 6.4-5.7" />
      <circle cx="22" cy="17.8" r="7.2" />
      <path d="M37.5 25V10.7M37.5 17a6.3 6.3 0 0 1 12.6 0v8" />
      <circle cx="64" cy="17.8" r="7.2" />
      <path d="M71.2 25V2.8" />
      <circle cx="86" cy="17.8" r="7.2" />
      <path d="M93.2 25V10.7" />
    </svg>
  );
}
