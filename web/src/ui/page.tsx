import { useT } from '@/i18n';
import type { Choice } from '@/lib/edit';
import type { Refusal } from '@/lib/refusal';
import { useUnsaved } from '@/lib/unsaved';
import { useEffect, type ReactNode } from 'react';
import { Button } from './controls';
import { Newer, Refused } from './editing';

/** A page of the control panel: one subject, said in one sentence, and what can be done with it. */
export function Page({
  title,
  purpose,
  actions,
  children,
  className,
}: {
  title: string;
  purpose?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  useEffect(() => {
    document.title = `${title} · Ronda`;
  }, [title]);
  return (
    <div className={['page sheet', className].filter(Boolean).join(' ')}>
      <header className="phead">
        <div className="grow">
          <h1>{title}</h1>
          {purpose && <p>{purpose}</p>}
        </div>
        {actions && <div className="flex gap-2 wrap">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** Forms save explicitly: what changed, and the two ways out. Hidden while nothing changed. */
export function SaveBar({
  changes,
  busy,
  disabled,
  onDiscard,
  onSave,
  label,
  edit,
  refusal,
  children,
}: {
  changes: ReactNode;
  busy: boolean;
  disabled?: boolean;
  onDiscard(): void;
  onSave(): void;
  /** What the button says, where it does not save at once. */
  label?: string;
  /** Of what somebody else saved meanwhile. */
  edit: Choice;
  /** What the fields have been asked for the errors of the last save. */
  refusal?: Refusal;
  children?: ReactNode;
}) {
  const t = useT();
  useUnsaved(true);
  return (
    <div className="save" role="region" aria-label={t('save.region')}>
      {edit.newer ? (
        <Newer choice={edit} />
      ) : (
        <>
          {refusal?.ofFields && <Refused by={refusal} />}
          <span className="sum grow">{changes}</span>
          {children}
          <Button variant="ghost" onClick={onDiscard} disabled={busy}>
            {t('save.discard')}
          </Button>
          {/* What is saved is up to date by the second half of a double click, which would save it again. */}
          <Button variant="primary" onClick={(event) => event.detail < 2 && onSave()} busy={busy} disabled={disabled}>
            {label ?? t('save.save')}
          </Button>
        </>
      )}
    </div>
  );
}

/** A setting with its title, its sentence and its control. */
export function Setting({ name, title, text, control, children }: { /** What the search of settings calls it: `?field=name`. */ name?: string; title: ReactNode; text?: ReactNode; control?: ReactNode; children?: ReactNode }) {
  return (
    <section className="set" data-setting={name}>
      <div className="flex gap-4 top">
        <div className="grow">
          <h3>{title}</h3>
          {text && <p className="sm muted">{text}</p>}
        </div>
        {control}
      </div>
      {children && <div className="set-in">{children}</div>}
    </section>
  );
}
