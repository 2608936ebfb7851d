import type { Finding } from '@/api/types';
import { useT } from '@/i18n';
import { useId, type ReactNode } from 'react';
import { AtField } from './findings';

interface RowProps {
  label: ReactNode;
  help?: string;
  findings?: Finding[];
}

/** What a control says of itself to whoever does not see it. */
interface Described {
  id: string;
  'aria-invalid': boolean;
  'aria-describedby': string | undefined;
}

function Row({ label, help, findings = [], control }: RowProps & { control(described: Described): ReactNode }) {
  const id = useId();
  const found = `${id}-found`;
  return (
    <div className="adv-row">
      <label htmlFor={id}>
        {label}
        {help && <span className="xs muted block">{help}</span>}
        <AtField id={found} findings={findings} />
      </label>
      {control({ id, 'aria-invalid': findings.some((finding) => finding.severity === 'error'), 'aria-describedby': findings.length > 0 ? found : undefined })}
    </div>
  );
}

const whole = (text: string) => Math.max(0, Math.trunc(Number(text) || 0));

/** What was found about a number, and before anybody looks at it what can be seen here. */
function useFound(value: number | null, least: number, most: number, findings: Finding[] = []): Finding[] {
  const t = useT();
  if (value === null || (value >= least && value <= most)) return findings;
  const others = findings.filter((finding) => finding.severity !== 'error');
  return [...others, { code: 'value_out_of_range', severity: 'error', count: 1, text: t('wrong.between', { least, most }) }];
}

type NumberFieldProps = RowProps & { value: number; least: number; most: number; onChange(value: number): void };

export function NumberField({ value, least, most, onChange, ...row }: NumberFieldProps) {
  const findings = useFound(value, least, most, row.findings);
  return <Row {...row} findings={findings} control={(described) => <input {...described} className="input num-in" type="number" min={least} max={most} value={value} onChange={(event) => onChange(whole(event.target.value))} />} />;
}

type OptionalFieldProps = RowProps & { value: number | null; least: number; most: number; onChange(value: number | null): void };

/** A number that may be left out. */
export function OptionalField({ value, least, most, onChange, ...row }: OptionalFieldProps) {
  const read = (text: string) => onChange(text === '' ? null : whole(text));
  const findings = useFound(value, least, most, row.findings);
  return <Row {...row} findings={findings} control={(described) => <input {...described} className="input num-in" type="number" min={least} max={most} value={value ?? ''} onChange={(event) => read(event.target.value)} />} />;
}

type ChoiceProps<T extends string> = RowProps & { value: T; of: readonly T[]; text(value: T): string; onChange(value: T): void };

export function Choice<T extends string>({ value, of, text, onChange, ...row }: ChoiceProps<T>) {
  return (
    <Row
      {...row}
      control={(described) => (
        <select {...described} className="input select-native" value={value} onChange={(event) => onChange(event.target.value as T)}>
          {of.map((one) => (
            <option key={one} value={one}>
              {text(one)}
            </option>
          ))}
        </select>
      )}
    />
  );
}
