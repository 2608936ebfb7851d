import { useT } from '@/i18n';

/** Whether figures count what is simulated too; they leave it out otherwise. */
export function SimulatedChip({ on, onChange }: { on: boolean; onChange(on: boolean): void }) {
  const t = useT();
  return (
    <button type="button" className={on ? 'chip is-on' : 'chip'} aria-pressed={on} title={t('simulated.help')} onClick={() => onChange(!on)}>
      {t('simulated.include')}
    </button>
  );
}
