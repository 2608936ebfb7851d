import { useT } from '@/i18n';
import { useMe } from '@/lib/me';

/** Whether figures count what is simulated too; they leave it out otherwise. Nothing where everything is simulated. */
export function SimulatedChip({ on, onChange }: { on: boolean; onChange(on: boolean): void }) {
  const t = useT();
  if (useMe().workspace?.simulated) return null;
  return (
    <button type="button" className={on ? 'chip is-on' : 'chip'} aria-pressed={on} title={t('simulated.help')} onClick={() => onChange(!on)}>
      {t('simulated.include')}
    </button>
  );
}
