import type { Finding } from '@/api/types';
import { useT } from '@/i18n';
import { Banner } from '@/ui';

/** What was found about one field of the policy, by its pointer; `under` also what is inside it. */
export type Told = (pointer: string, under?: boolean) => Finding[];

export function toldBy(findings: Finding[]): Told {
  return (pointer, under = false) => findings.filter((finding) => finding.pointer === pointer || (under && finding.pointer?.startsWith(`${pointer}/`)));
}

function useText() {
  const t = useT();
  return (finding: Finding) => {
    const text = finding.text ?? t.maybe(`finding.${finding.code}`, { count: finding.count, names: finding.names?.join(', ') ?? '' }) ?? finding.code;
    return finding.moves === undefined ? text : `${text} ${t('finding.moves', { moves: finding.moves })}`;
  };
}

export function FindingLine({ finding }: { finding: Finding }) {
  const text = useText();
  const tone = finding.severity === 'error' || finding.severity === 'confirm' ? 'red' : finding.severity === 'warning' ? 'amber' : undefined;
  return <Banner tone={tone}>{text(finding)}</Banner>;
}

/** Beside its field: an error as an error, anything else as a hint. */
export function AtField({ id, findings }: { id?: string; findings: Finding[] }) {
  const text = useText();
  if (findings.length === 0) return null;
  return (
    <span id={id} className="block" aria-live="polite">
      {findings.map((finding) => (
        <span key={`${finding.code}${finding.pointer}`} className={finding.severity === 'error' ? 'help help-error block' : 'help c-amber block'}>
          {text(finding)}
        </span>
      ))}
    </span>
  );
}
