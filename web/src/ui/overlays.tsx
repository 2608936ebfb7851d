import { useT } from '@/i18n';
import { createStore, useStore } from '@/lib/store';
import { leave, useUnsaved } from '@/lib/unsaved';
import {
  useCallback,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
  type KeyboardEvent,
  type ReactNode,
  type RefObject,
} from 'react';
import { createPortal } from 'react-dom';
import { IconButton } from './controls';
import { Icon, type IconName } from './icon';

interface DialogProps {
  title: ReactNode;
  onClose(): void;
  children: ReactNode;
  footer?: ReactNode;
  wide?: boolean;
  onSubmit?(): void;
  className?: string;
  /** It holds edits: only its own buttons close it without a question. */
  unsaved?: boolean;
}

/** A modal dialog on the browser's own: focus stays inside, Escape closes, focus returns. */
export function Dialog({ title, onClose, children, footer, wide, onSubmit, className, unsaved = false }: DialogProps) {
  const t = useT();
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  const typed = useRef(false);
  useUnsaved(unsaved);
  const close = () => (unsaved ? leave(onClose) : onClose());
  useEffect(() => {
    const dialog = ref.current;
    if (!dialog || dialog.open) return;
    if (typeof dialog.showModal === 'function') dialog.showModal();
    else dialog.setAttribute('open', '');
    // The first thing to fill in, or to choose, has the caret, not the button that closes.
    const field = dialog.querySelector<HTMLElement>('.content :is(input, textarea, select, .btn-block):not([type="hidden"], [hidden], :disabled)');
    (field ?? dialog.querySelector<HTMLElement>('footer .btn-primary:not(:disabled)'))?.focus();
    return () => dialog.close?.();
  }, []);
  const content = (
    <>
      <header>
        <h2 id={id} className="grow">
          {title}
        </h2>
        <IconButton icon="x" label={t('common.close')} size="sm" onClick={close} />
      </header>
      <div className="content">{children}</div>
      {footer && <footer>{footer}</footer>}
    </>
  );
  return createPortal(
    <dialog
      ref={ref}
      className={['dialog', wide && 'dialog-wide', className].filter(Boolean).join(' ')}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onClose={(event) => {
        // The browser closes it by itself at a second Escape in a row.
        if (event.currentTarget.open) return;
        if (unsaved) event.currentTarget.showModal();
        close();
      }}
      onInput={() => {
        typed.current = true;
      }}
      onMouseDown={(event) => {
        // A press beside it takes nothing away that was typed without a question; the first of a double click opened it.
        if (event.target === event.currentTarget && event.detail < 2 && (unsaved || !typed.current)) close();
      }}
    >
      {onSubmit ? (
        <form
          method="dialog"
          onSubmit={(event) => {
            event.preventDefault();
            onSubmit();
          }}
          onClick={(event) => {
            // The second half of a double click must not answer what the first has brought up.
            if (event.detail > 1 && (event.target as HTMLElement).closest('[type="submit"]')) event.preventDefault();
          }}
        >
          {content}
        </form>
      ) : (
        <div className="dialog-body">{content}</div>
      )}
    </dialog>,
    document.body,
  );
}

export interface MenuItem {
  id: string;
  label: ReactNode;
  icon?: IconName;
  hint?: ReactNode;
  danger?: boolean;
  /** Why it cannot be chosen now. */
  disabled?: string;
  checked?: boolean;
  separated?: boolean;
  onSelect(): void;
}

interface MenuProps {
  label: string;
  items: MenuItem[];
  trigger(props: {
    ref: RefObject<HTMLButtonElement | null>;
    onClick(): void;
    'aria-haspopup': 'menu';
    'aria-expanded': boolean;
  }): ReactNode;
  align?: 'start' | 'end';
  head?: ReactNode;
}

/** A menu beside its button, outside of what would cut it off. */
export function Menu({ label, items, trigger, align = 'start', head }: MenuProps) {
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState(false);
  const close = useCallback((focus: boolean) => {
    setOpen(false);
    if (focus) button.current?.focus();
  }, []);
  useLayoutEffect(() => {
    const menu = list.current;
    const anchor = button.current?.getBoundingClientRect();
    if (!open || !menu || !anchor) return;
    const gap = 4;
    const edge = 8;
    const size = menu.getBoundingClientRect();
    const below = anchor.bottom + gap + size.height <= window.innerHeight - edge;
    const left = align === 'end' ? anchor.right - size.width : anchor.left;
    menu.style.top = `${Math.max(edge, below ? anchor.bottom + gap : anchor.top - gap - size.height)}px`;
    menu.style.left = `${Math.min(Math.max(edge, left), window.innerWidth - size.width - edge)}px`;
    const first = menu.querySelector<HTMLElement>('[role^="menuitem"][aria-checked="true"]') ?? menu.querySelector<HTMLElement>('[role^="menuitem"]');
    first?.focus();
  }, [open, align]);
  useEffect(() => {
    if (!open) return;
    const outside = (event: Event) => {
      const target = event.target as Node;
      if (!list.current?.contains(target) && !button.current?.contains(target)) close(false);
    };
    const away = () => close(false);
    document.addEventListener('pointerdown', outside, true);
    window.addEventListener('resize', away);
    return () => {
      document.removeEventListener('pointerdown', outside, true);
      window.removeEventListener('resize', away);
    };
  }, [open, close]);
  const move = (event: KeyboardEvent<HTMLDivElement>) => {
    const options = Array.from(event.currentTarget.querySelectorAll<HTMLElement>('[role^="menuitem"]'));
    const at = options.indexOf(document.activeElement as HTMLElement);
    const go = (to: number) => options[(to + options.length) % options.length]?.focus();
    if (event.key === 'ArrowDown') go(at + 1);
    else if (event.key === 'ArrowUp') go(at - 1);
    else if (event.key === 'Home') go(0);
    else if (event.key === 'End') go(options.length - 1);
    else if (event.key === 'Escape') close(true);
    else if (event.key === 'Tab') {
      close(false);
      return;
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <>
      {trigger({ ref: button, onClick: () => setOpen(!open), 'aria-haspopup': 'menu', 'aria-expanded': open })}
      {open &&
        createPortal(
          <div ref={list} className="menu menu-float" role="menu" aria-label={label} onKeyDown={move}>
            {head}
            {items.map((item) => (
              <div key={item.id} role="none">
                {item.separated && <div className="sep" role="separator" />}
                <button
                  type="button"
                  className={item.danger ? 'item danger' : 'item'}
                  role={item.checked === undefined ? 'menuitem' : 'menuitemradio'}
                  aria-checked={item.checked}
                  aria-disabled={item.disabled ? true : undefined}
                  title={item.disabled}
                  tabIndex={-1}
                  onPointerMove={(event) => event.currentTarget.focus()}
                  onClick={() => {
                    if (item.disabled) return;
                    close(true);
                    item.onSelect();
                  }}
                >
                  {item.icon && <Icon name={item.icon} />}
                  <span className="grow">{item.label}</span>
                  {item.checked && <Icon name="check" />}
                  {item.hint && <span className="xs faint">{item.hint}</span>}
                </button>
              </div>
            ))}
          </div>,
          button.current?.closest('dialog') ?? document.body,
        )}
    </>
  );
}

/* ── Toasts ───────────────────────────────────────────────────────────────── */

export interface Toast {
  id: number;
  text: ReactNode;
  tone?: 'error';
  action?: { label: string; run(): void };
  /** Takes the place of the one before of the same group. */
  group?: string;
  /** How long it stays; the usual time when left out. */
  ms?: number;
}

const toasts = createStore<Toast[]>([]);
let nextToast = 1;
const TOAST_MS = 6_000;

/** Says something that needs no answer. */
export function toast(text: ReactNode, options: Omit<Toast, 'id' | 'text'> = {}): void {
  const id = nextToast;
  nextToast += 1;
  toasts.set((now) => [...now.filter((one) => !options.group || one.group !== options.group).slice(-2), { ...options, id, text }]);
  setTimeout(() => dismiss(id), options.ms ?? (options.tone === 'error' ? 2 * TOAST_MS : TOAST_MS));
}

function dismiss(id: number): void {
  toasts.set((now) => now.filter((one) => one.id !== id));
}

export function Toasts() {
  const t = useT();
  const list = useStore(toasts);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {list.map((one) => (
        <div key={one.id} className={one.tone === 'error' ? 'toast toast-error' : 'toast'}>
          {one.tone === 'error' && <Icon name="warn" />}
          <span className="grow">{one.text}</span>
          {one.action && (
            <button
              type="button"
              className="act"
              onClick={() => {
                dismiss(one.id);
                one.action?.run();
              }}
            >
              {one.action.label}
            </button>
          )}
          <button type="button" className="act act-x" aria-label={t('common.close')} onClick={() => dismiss(one.id)}>
            <Icon name="x" size={14} />
          </button>
        </div>
      ))}
    </div>
  );
}
