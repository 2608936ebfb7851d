import { useT } from '@/i18n';
import type { Choice } from '@/lib/edit';
import { explain } from '@/lib/errors';
import type { Refusal } from '@/lib/refusal';
import { useStore } from '@/lib/store';
import { leaving } from '@/lib/unsaved';
import { useEffect } from 'react';
import { Button } from './controls';
import { Banner } from './feedback';
import { Dialog } from './overlays';

/** Somebody else saved what is edited here. Nothing is lost until one of the two is chosen. */
export function Newer({ choice, onChosen }: { choice: Choice; onChosen?(): void }) {
  const t = useT();
  const choose = (how: () => void) => () => {
    how();
    onChosen?.();
  };
  if (!choice.newer) return null;
  return (
    <Banner
      tone="amber"
      action={
        <span className="flex gap-2 wrap">
          <Button size="sm" onClick={choose(choice.take)}>
            {t('edit.take')}
          </Button>
          <Button size="sm" variant="primary" onClick={choose(choice.keep)}>
            {t('edit.keep')}
          </Button>
        </span>
      }
    >
      <b>{t('edit.newer')}</b> {t('edit.newer.text')}
    </Banner>
  );
}

/** Why a save was refused, as far as no field says it. It stands after the fields, which take what is theirs first. */
export function Refused({ by }: { by: Refusal }) {
  const t = useT();
  // Whoever pressed the button goes on at the first value that is wrong; whoever types is left alone.
  useEffect(() => {
    if (by.error && !document.activeElement?.matches('input, textarea, select')) {
      (document.querySelector('dialog[open]') ?? document).querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
    }
  }, [by.error]);
  if (!by.error) return null;
  const left = by.left();
  if (by.ofFields && left.length === 0) return null;
  return (
    <Banner tone="red">
      {by.ofFields
        ? left.map(({ pointer, text }) => (
            <span key={pointer} className="block">
              {text} <code className="mono xs">{pointer.slice(1)}</code>
            </span>
          ))
        : explain(t, by.error)}
    </Banner>
  );
}

/** Asks before edits are lost by going elsewhere. */
export function Leaving() {
  const t = useT();
  const asked = useStore(leaving);
  if (!asked) return null;
  const stay = () => leaving.set(null);
  return (
    <Dialog
      key={asked.id}
      title={t('leave.title')}
      onClose={stay}
      footer={
        <>
          <Button
            variant="danger-ghost"
            onClick={() => {
              stay();
              asked.go();
            }}
          >
            {t('leave.go')}
          </Button>
          <Button variant="primary" onClick={stay}>
            {t('leave.stay')}
          </Button>
        </>
      }
    >
      <p>{t('leave.text')}</p>
    </Dialog>
  );
}
