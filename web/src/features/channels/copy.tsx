import { useT } from '@/i18n';
import { Button, toast } from '@/ui';

/** A value that has to be typed elsewhere. */
export function Copy({ label, text, help }: { label: string; text: string; help?: string }) {
  const t = useT();
  return (
    <div className="field">
      <span className="label">{label}</span>
      <div className="copy">
        <code className="mono grow">{text}</code>
        <Button size="sm" icon="copy" onClick={() => void navigator.clipboard.writeText(text).then(() => toast(t('common.copied')))}>
          {t('common.copy')}
        </Button>
      </div>
      {help && <p className="help">{help}</p>}
    </div>
  );
}
