import type { Finding } from '@/api/types';
import { useId, type ReactNode } from 'react';
import { AtField } from './findings';

interface RowProps {
  label: ReactNode;
  help?: string;
  findings?: Finding[];
}

const whole = (text: string) => Math.max(0, Math.trunc(Number(text) || 0));

type NumberFieldProps = RowProps & { value: number; least: number; most: number; onChange(value: number): void };

export function NumberField({ label, help, findings = [], value, least, most, onChange }: NumberFieldProps) {
  const id = useId();
  return (
    <div className="adv-row">
      <label htmlFor={id}>
        {label}
        {help && <span className="xs muted block">{help}</span>}
        <AtField id={`${id}-found`} findings={findings} />
      </label>
      <input
        id={id}
        className="input num-in"
        type="number"
        min={least}
        max={most}
        aria-invalid={findings.some((finding) => finding.severity === 'error')}
        aria-describedby={findings.length > 0 ? `${id}-found` : undefined}
        value={value}
        onChange={(event) => onChange(whole(event.target.value))}
      />
    </div>
  );
}

type OptionalFieldProps = RowProps & { value: number | null; least: number; most: number; onChange(value: number | null): void };

/** A number that may be left out. */
export function OptionalField({ label, help, findings = [], value, least, most, onChange }: OptionalFieldProps) {
  const id = useId();
  return (
    <div className="adv-row">
      <label htmlFor={id}>
        {label}
        {help && <span className="xs muted block">{help}</span>}
        <AtField findings={findings} />
      </label>
      <input
        id={id}
        className="input num-in"
        type="number"
        min={least}
        max={most}
        value={value ?? ''}
        onChange={(event) => onChange(event.target.value === '' ? null : whole(event.target.value))}
      />
    </div>
  );
}

type ChoiceProps<T extends string> = RowProps & { value: T; of: readonly T[]; text(value: T): string; onChange(value: T): void };

export function Choice<T extends string>({ label, help, findings = [], value, of, text, onChange }: ChoiceProps<T>) {
  const id = useId();
  return (
    <div className="adv-row">
      <label htmlFor={id}>
        {label}
        {help && <span className="xs muted block">{help}</span>}
        <AtField findings={findings} />
      </label>
      <select id={id} className="input select-native" value={value} onChange={(event) => onChange(event.target.value as T)}>
        {of.map((one) => (
          <option key={one} value={one}>
            {text(one)}
          </option>
        ))}
      </select>
    </div>
  );
}
