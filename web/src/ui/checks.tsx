import { Checkbox } from './controls';

interface CheckListProps {
  label: string;
  help?: string;
  error?: string | null;
  options: { id: number; name: string }[];
  chosen: number[];
  onChange(ids: number[]): void;
}

/** Some of a few, ascending by id: nothing when there is nothing to choose from. */
export function CheckList({ label, help, error, options, chosen, onChange }: CheckListProps) {
  if (options.length === 0) return null;
  return (
    <fieldset className="stack-2">
      <legend className="label">{label}</legend>
      {options.map((option) => (
        <Checkbox key={option.id} checked={chosen.includes(option.id)} onChange={(on) => onChange((on ? [...chosen, option.id] : chosen.filter((id) => id !== option.id)).sort((a, b) => a - b))}>
          {option.name}
        </Checkbox>
      ))}
      {error ? (
        <p className="help help-error" role="alert">
          {error}
        </p>
      ) : (
        help && <p className="help">{help}</p>
      )}
    </fieldset>
  );
}
