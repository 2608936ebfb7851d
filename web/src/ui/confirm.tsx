import { useT } from '@/i18n';
import { explain } from '@/lib/errors';
import type { ReactNode } from 'react';
import { Button } from './controls';
import { Banner } from './feedback';
import { Dialog } from './overlays';

interface ConfirmProps {
  title: string;
  /** What the button says that does it. */
  action: string;
  busy: boolean;
  error: Error | null;
  onConfirm(): void;
  onClose(): void;
  children: ReactNode;
}

/** Asks before something that is not undone. It stays open with the reason when it was refused. */
export function Confirm({ title, action, busy, error, onConfirm, onClose, children }: ConfirmProps) {
  const t = useT();
  return (
    <Dialog
      title={title}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>{t('common.cancel')}</Button>
          <Button variant="danger" busy={busy} onClick={onConfirm}>
            {action}
          </Button>
        </>
      }
    >
      {error && <Banner tone="red">{explain(t, error)}</Banner>}
      {children}
    </Dialog>
  );
}
