import { useId, type ComponentProps, type ReactNode } from 'react';
import { Icon, type IconName } from './icon';

type ButtonProps = ComponentProps<'button'> & {
  variant?: 'primary' | 'secondary' | 'ghost' | 'soft' | 'danger' | 'danger-ghost';
  size?: 'xs' | 'sm' | 'lg';
  icon?: IconName;
  after?: IconName;
  busy?: boolean;
  block?: boolean;
};

/** A busy button keeps its width and its word, and cannot be pressed twice. */
export function Button({ variant = 'secondary', size, icon, after, busy, block, className, children, ...rest }: ButtonProps) {
  const classes = ['btn', `btn-${variant}`, size && `btn-${size}`, block && 'btn-block', className].filter(Boolean);
  return (
    <button type="button" {...rest} className={classes.join(' ')} disabled={rest.disabled || busy} aria-busy={busy}>
      {busy ? <span className="spin" aria-hidden="true" /> : icon && <Icon name={icon} />}
      {children}
      {after && <Icon name={after} />}
    </button>
  );
}

type IconButtonProps = ComponentProps<'button'> & { icon: IconName; label: string; size?: 'sm' | 'xs'; on?: boolean; keys?: string };

/** Its label is also its tooltip. */
export function IconButton({ icon, label, size, on, keys, className, ...rest }: IconButtonProps) {
  const classes = ['ibtn', size && `ibtn-${size}`, on && 'is-on', className].filter(Boolean);
  return (
    <button type="button" title={keys ? `${label} (${keys})` : label} {...rest} aria-label={label} className={classes.join(' ')}>
      <Icon name={icon} size={size === 'xs' ? 14 : undefined} />
    </button>
  );
}

interface FieldProps {
  label: ReactNode;
  help?: ReactNode;
  error?: string | null;
  aside?: ReactNode;
  children: (props: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: boolean }) => ReactNode;
}

/** Label, control, help and error, tied together for those who listen. */
export function Field({ label, help, error, aside, children }: FieldProps) {
  const id = useId();
  const described = error || help ? `${id}-help` : undefined;
  return (
    <div className="field">
      <div className="flex gap-2">
        <label className="label grow" htmlFor={id}>
          {label}
        </label>
        {aside}
      </div>
      {children({ id, 'aria-describedby': described, 'aria-invalid': error ? true : undefined })}
      {error ? (
        <p className="help help-error" id={described} role="alert">
          <Icon name="error" />
          <span>{error}</span>
        </p>
      ) : (
        help && (
          <p className="help" id={described}>
            {help}
          </p>
        )
      )}
    </div>
  );
}

type TextFieldProps = Omit<FieldProps, 'children'> & ComponentProps<'input'> & { large?: boolean };

export function TextField({ label, help, error, aside, large, className, ...input }: TextFieldProps) {
  return (
    <Field label={label} help={help} error={error} aside={aside}>
      {(tied) => <input {...input} {...tied} className={['input', large && 'input-lg', className].filter(Boolean).join(' ')} />}
    </Field>
  );
}

type AreaProps = Omit<FieldProps, 'children'> & ComponentProps<'textarea'>;

export function TextArea({ label, help, error, aside, ...area }: AreaProps) {
  return (
    <Field label={label} help={help} error={error} aside={aside}>
      {(tied) => <textarea rows={3} {...area} {...tied} className="input" />}
    </Field>
  );
}

type SelectProps = Omit<FieldProps, 'children'> & ComponentProps<'select'> & { large?: boolean };

export function SelectField({ label, help, error, aside, large, children, ...select }: SelectProps) {
  return (
    <Field label={label} help={help} error={error} aside={aside}>
      {(tied) => (
        <select {...select} {...tied} className={large ? 'input input-lg select-native' : 'input select-native'}>
          {children}
        </select>
      )}
    </Field>
  );
}

interface SwitchProps {
  label: string;
  checked: boolean;
  onChange(checked: boolean): void;
  disabled?: boolean;
  describedBy?: string;
}

export function Switch({ label, checked, onChange, disabled, describedBy }: SwitchProps) {
  return (
    <button
      type="button"
      role="switch"
      className="switch"
      aria-label={label}
      aria-checked={checked}
      aria-disabled={disabled}
      aria-describedby={describedBy}
      onClick={() => !disabled && onChange(!checked)}
    />
  );
}

interface CheckProps {
  checked: boolean;
  onChange(checked: boolean): void;
  children: ReactNode;
  help?: ReactNode;
  disabled?: boolean;
}

export function Checkbox({ checked, onChange, children, help, disabled }: CheckProps) {
  return (
    <label className="option">
      <input
        type="checkbox"
        className="check-native"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.target.checked)}
      />
      <span>
        {children}
        {help && <span className="help block">{help}</span>}
      </span>
    </label>
  );
}

export function Radio({ name, checked, onChange, children, help }: Omit<CheckProps, 'onChange'> & { name: string; onChange(): void }) {
  return (
    <label className="option">
      <input type="radio" className="radio-native" name={name} checked={checked} onChange={onChange} />
      <span>
        {children}
        {help && <span className="help block">{help}</span>}
      </span>
    </label>
  );
}

interface SegmentedProps<T extends string> {
  label: string;
  value: T;
  options: readonly { value: T; label: string; count?: string }[];
  onChange(value: T): void;
}

export function Segmented<T extends string>({ label, value, options, onChange }: SegmentedProps<T>) {
  return (
    <div className="seg" role="group" aria-label={label}>
      {options.map((option) => (
        <button key={option.value} type="button" aria-pressed={option.value === value} onClick={() => onChange(option.value)}>
          {option.label}
          {option.count !== undefined && <span className="num">{option.count}</span>}
        </button>
      ))}
    </div>
  );
}

/** Tabs that are addresses or choices; arrows move as the pattern asks. */
export function Tabs<T extends string>({
  label,
  value,
  options,
  onChange,
  className = 'tabs',
}: SegmentedProps<T> & { className?: string }) {
  const move = (from: number, by: number, list: HTMLElement) => {
    const to = (from + by + options.length) % options.length;
    const option = options[to];
    if (!option) return;
    onChange(option.value);
    (list.children[to] as HTMLElement | undefined)?.focus();
  };
  return (
    <div
      className={className}
      role="tablist"
      aria-label={label}
      onKeyDown={(event) => {
        const at = options.findIndex((option) => option.value === value);
        if (event.key === 'ArrowRight') move(at, 1, event.currentTarget);
        else if (event.key === 'ArrowLeft') move(at, -1, event.currentTarget);
        else return;
        event.preventDefault();
      }}
    >
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          role="tab"
          aria-selected={option.value === value}
          tabIndex={option.value === value ? 0 : -1}
          onClick={() => onChange(option.value)}
        >
          {option.label}
          {option.count !== undefined && <span className="num">{option.count}</span>}
        </button>
      ))}
    </div>
  );
}

export function Kbd({ children }: { children: ReactNode }) {
  return <kbd className="kbd">{children}</kbd>;
}
