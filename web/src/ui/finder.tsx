import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { Icon } from './icon';
import { Dialog } from './overlays';

export interface Row {
  key: string;
  line: ReactNode;
  run(): void;
}

interface FinderProps {
  title: string;
  hint: string;
  text: string;
  onText(text: string): void;
  /** What fits the text, the best first. */
  rows: Row[];
  /** What is said while nothing fits. */
  none: string;
  onClose(): void;
}

/** One line to type in and a list of what it may mean: arrows choose, Enter goes. */
export function Finder({ title, hint, text, onText, rows, none, onClose }: FinderProps) {
  const id = useId();
  const [at, setAt] = useState(0);
  const chosen = Math.min(at, Math.max(0, rows.length - 1));
  const run = (row: Row | undefined) => {
    if (!row) return;
    onClose();
    row.run();
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') setAt((chosen + 1) % Math.max(1, rows.length));
    else if (event.key === 'ArrowUp') setAt((chosen - 1 + rows.length) % Math.max(1, rows.length));
    else if (event.key === 'Enter') run(rows[chosen]);
    else return;
    event.preventDefault();
  };
  const active = rows[chosen];
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);
  return (
    <Dialog title={title} wide className="palette" onClose={onClose}>
      <div className="input-group" onKeyDown={keys}>
        <Icon name="search" />
        <input
          className="input input-lg"
          role="combobox"
          aria-expanded="true"
          aria-controls={id}
          aria-activedescendant={active && id + active.key}
          aria-label={title}
          placeholder={hint}
          value={text}
          onChange={(event) => {
            onText(event.target.value);
            setAt(0);
          }}
        />
      </div>
      <div ref={list} id={id} className="pick-list" role="listbox" aria-label={title}>
        {rows.map((row, i) => (
          <button key={row.key} id={id + row.key} type="button" role="option" aria-selected={chosen === i} tabIndex={-1} className="pick-row" onPointerMove={() => setAt(i)} onClick={() => run(row)}>
            {row.line}
          </button>
        ))}
        {rows.length === 0 && <p className="sm muted pad">{none}</p>}
      </div>
    </Dialog>
  );
}
