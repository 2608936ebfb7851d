import { LANGUAGES, showLanguage, useT } from '@/i18n';
import { IconButton, Logo, Wordmark } from '@/ui';
import { useState, type ComponentProps, type ReactNode } from 'react';

const NAMES = { es: 'Español', en: 'English', pt: 'Português' } as const;
const SEATS = 9;

/** The frame of every page before the work begins: form on the left, the round on the right. */
export function Gate({ children }: { children: ReactNode }) {
  const t = useT();
  return (
    <div className="gate">
      <main className="left">
        <div className="brand">
          <Logo />
          <Wordmark />
        </div>
        {children}
        <div className="foot" role="group" aria-label={t('common.language')}>
          {LANGUAGES.map((language) => (
            <button
              key={language}
              type="button"
              lang={language}
              aria-pressed={t.language === language}
              onClick={() => void showLanguage(language, true)}
            >
              {NAMES[language]}
            </button>
          ))}
        </div>
      </main>
      <aside className="right">
        <Round />
        <div>
          <p className="claim">{t('auth.claim')}</p>
          <p>{t('auth.claim.more')}</p>
        </div>
      </aside>
    </div>
  );
}

const LEAVES = Array.from({ length: 44 }, (_, i) => {
  const angle = i * 2.399963;
  const radius = 20 + Math.sqrt(i / 44) * 62;
  const turn = i * 1.7;
  const [x, y] = [260 + Math.cos(angle) * radius, 260 + Math.sin(angle) * radius];
  return `M${x.toFixed(1)} ${y.toFixed(1)}l${(6.4 * Math.cos(turn)).toFixed(1)} ${(6.4 * Math.sin(turn)).toFixed(1)}`;
}).join('');

/** People around a mate; the bombilla points at whose turn it is. */
function Round() {
  return (
    <svg viewBox="0 0 520 520" className="art" aria-hidden="true">
      <circle cx="260" cy="260" r="236" className="o1" />
      <circle cx="260" cy="260" r="178" className="o2" />
      <circle cx="260" cy="260" r="108" className="gourd" />
      <circle cx="260" cy="260" r="92" className="yerba" />
      <path d={LEAVES} className="leaf" />
      {Array.from({ length: SEATS }, (_, i) => {
        const angle = -Math.PI / 4 + (i * 2 * Math.PI) / SEATS;
        const [x, y] = [260 + 178 * Math.cos(angle), 260 + 178 * Math.sin(angle)];
        const now = i === 0;
        return (
          <g key={i} transform={`translate(${x.toFixed(1)} ${y.toFixed(1)})`}>
            <circle r={now ? 32 : 25} className={now ? 'seat-now' : 'seat-p'} />
            <path
              className={now ? 'face-now' : 'face'}
              d={now ? 'M-9 -4v1M9 -4v1M-9 7c5 6 13 6 18 0' : 'M-7 -3v1M7 -3v1M-6 6c4 3 8 3 12 0'}
            />
          </g>
        );
      })}
      <path d="M260 260 363 157" className="bomb" />
      <circle cx="260" cy="260" r="13" className="hub" />
    </svg>
  );
}

/** A password that can be looked at. */
export function PasswordInput(props: ComponentProps<'input'>) {
  const t = useT();
  const [shown, setShown] = useState(false);
  return (
    <div className="pw">
      <input {...props} type={shown ? 'text' : 'password'} className="input input-lg" maxLength={128} />
      <IconButton
        icon={shown ? 'eyeoff' : 'eye'}
        size="sm"
        label={shown ? t('auth.password.hide') : t('auth.password.show')}
        aria-pressed={shown}
        onClick={() => setShown(!shown)}
      />
    </div>
  );
}
