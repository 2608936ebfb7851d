/** Where the visitor writes. Files are uploaded as chips before they are sent, so that a file and the text written after
 * it always leave in that order. */
import type { RefObject, TargetedClipboardEvent, TargetedInputEvent, TargetedKeyboardEvent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Asked, Host } from '../types';
import type { Chat, Uploaded } from './chat';
import { Icon } from './icons';
import { Refused } from './sender';
import { sizeText } from './text';
import { fill, type Texts } from './texts';

/** Longest text of one message in characters, as the server accepts it (spec CORE-5). */
const MAX_TEXT = 10_000;
const MAX_FILES = 10;

interface Chip {
  key: number;
  file: File;
  progress: number;
  done?: Uploaded;
  error?: string;
  /** The error may go away by trying again. */
  again?: boolean;
}

interface Props {
  chat: Chat;
  host: Host;
  texts: Texts;
  panel: RefObject<HTMLDivElement | null>;
  open: boolean;
  /** The form before the chat is still to be answered. */
  asks: boolean;
}

let keys = 0;

/** What to say of a text that is too long; nothing of one that is not. */
export function tooLong(text: string, texts: Texts): string {
  const over = [...text.trim()].length - MAX_TEXT;
  return over > 0 ? fill(texts.too_long, over) : '';
}

export function Composer({ chat, host, texts, panel, open, asks }: Props) {
  const whole = useRef<HTMLFormElement>(null);
  const box = useRef<HTMLTextAreaElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(chat.draft);
  const [chips, setChips] = useState<Chip[]>([]);
  const [dropping, setDropping] = useState(false);
  const [full, setFull] = useState(false);
  const upload = host.site.upload ?? { enabled: false, max_bytes: 0 };

  const patch = (key: number, change: Partial<Chip>) => setChips((all) => all.map((c) => (c.key === key ? { ...c, ...change } : c)));

  const start = (chip: Chip) => {
    patch(chip.key, { error: undefined, progress: 0 });
    chat
      .upload(chip.file, (progress) => patch(chip.key, { progress }))
      .then(
        (done) => patch(chip.key, { done, progress: 1 }),
        (error) => {
          const refused = error instanceof Refused ? error.status : 0;
          const name = chip.file.name;
          patch(chip.key, {
            error:
              refused === 413
                ? fill(texts.too_large, name, sizeText(upload.max_bytes, host.language))
                : refused === 422 || refused === 415
                  ? fill(texts.upload_refused, name)
                  : fill(texts.upload_failed, name),
            again: refused !== 413 && refused !== 422 && refused !== 415,
          });
        },
      );
  };

  const add = (files: Iterable<File>) => {
    if (!upload.enabled) return;
    const fresh = [...files].slice(0, MAX_FILES - chips.length).map((file): Chip => {
      const over = upload.max_bytes > 0 && file.size > upload.max_bytes;
      return { key: ++keys, file, progress: 0, error: over ? fill(texts.too_large, file.name, sizeText(upload.max_bytes, host.language)) : undefined };
    });
    setChips((all) => [...all, ...fresh]);
    for (const chip of fresh) if (!chip.error) start(chip);
    box.current?.focus();
  };
  const latest = useRef(add);
  latest.current = add;

  // The whole panel takes what is dropped on it.
  useEffect(() => {
    const target = panel.current;
    if (!target || !upload.enabled) return;
    const over = (e: DragEvent) => {
      if (!e.dataTransfer?.types.includes('Files')) return;
      e.preventDefault();
      setDropping(true);
    };
    const leave = (e: DragEvent) => !target.contains(e.relatedTarget as Node | null) && setDropping(false);
    const drop = (e: DragEvent) => {
      e.preventDefault();
      setDropping(false);
      latest.current(e.dataTransfer?.files ?? []);
    };
    target.addEventListener('dragover', over);
    target.addEventListener('dragleave', leave);
    target.addEventListener('drop', drop);
    return () => {
      target.removeEventListener('dragover', over);
      target.removeEventListener('dragleave', leave);
      target.removeEventListener('drop', drop);
    };
  }, []);

  useEffect(() => {
    const area = box.current;
    if (!area) return;
    area.style.height = 'auto';
    area.style.height = `${Math.min(area.scrollHeight, 132)}px`;
  }, [text, open]);

  const uploading = chips.some((c) => !c.done && !c.error);
  const long = tooLong(text, texts);
  const ready = !long && !uploading && (text.trim() !== '' || chips.some((c) => c.done));

  const submit = () => {
    if (!ready) return;
    const form = whole.current;
    if (asks && form) {
      if (!form.reportValidity()) return;
      const { consent, ...answers } = Object.fromEntries(new FormData(form));
      chat.introduce({ ...answers, consent: !!consent });
    }
    for (const chip of chips)
      if (chip.done && !chat.send({ file: chip.done.id, label: chip.done.name })) return setFull(true);
    setChips((all) => all.filter((c) => c.error));
    const words = text.trim();
    if (words && !chat.send({ text: words })) return setFull(true);
    setFull(false);
    setText('');
    chat.draft = '';
    box.current?.focus();
  };

  const onInput = (e: TargetedInputEvent<HTMLTextAreaElement>) => {
    setText(e.currentTarget.value);
    chat.draft = e.currentTarget.value;
    if (e.currentTarget.value) chat.typing();
  };
  const onKeyDown = (e: TargetedKeyboardEvent<HTMLTextAreaElement>) => {
    if (e.key !== 'Enter' || e.shiftKey || e.isComposing || e.keyCode === 229) return;
    e.preventDefault();
    submit();
  };
  const onPaste = (e: TargetedClipboardEvent<HTMLTextAreaElement>) => {
    const files = e.clipboardData?.files;
    if (!files?.length || !upload.enabled) return;
    e.preventDefault();
    add(files);
  };

  return (
    <form
      ref={whole}
      onSubmit={(e) => {
        e.preventDefault();
        submit();
      }}
    >
      {chips.length > 0 && (
        <ul class="chips">
          {chips.map((c) => (
            <li key={c.key} class={c.error ? 'failed' : ''}>
              <Icon name="file" />
              <span role={c.error ? 'alert' : undefined}>
                <bdi>{c.error ?? c.file.name}</bdi>
                {!c.error && !c.done && <progress value={c.progress} max={1} aria-label={fill(texts.uploading, c.file.name)} />}
              </span>
              {c.error && c.again && (
                <button type="button" class="link" onClick={() => start(c)}>
                  {texts.retry}
                </button>
              )}
              <button
                type="button"
                class="icon"
                aria-label={fill(texts.remove, c.file.name)}
                onClick={() => {
                  setChips((all) => all.filter((o) => o.key !== c.key));
                  box.current?.focus();
                }}
              >
                <Icon name="cross" />
              </button>
            </li>
          ))}
        </ul>
      )}
      {(long || full) && (
        <p class="offline" role="alert">
          {long || texts.full}
        </p>
      )}
      {asks && <Questions host={host} texts={texts} />}
      <div class="write">
        {upload.enabled && (
          <>
            <button type="button" class="icon" aria-label={texts.attach} title={texts.attach} onClick={() => input.current?.click()}>
              <Icon name="clip" />
            </button>
            <input
              ref={input}
              type="file"
              multiple
              hidden
              onChange={(e) => {
                add(e.currentTarget.files ?? []);
                e.currentTarget.value = '';
              }}
            />
          </>
        )}
        <textarea
          ref={box}
          rows={1}
          dir="auto"
          value={text}
          placeholder={texts.placeholder}
          aria-label={texts.message}
          enterkeyhint="send"
          onInput={onInput}
          onKeyDown={onKeyDown}
          onPaste={onPaste}
        />
        <button type="submit" class="send" aria-label={texts.send} title={texts.send} aria-disabled={!ready}>
          <Icon name="send" />
        </button>
      </div>
      {dropping && <div class="drop">{texts.drop}</div>}
    </form>
  );
}

const TYPES = { name: 'text', email: 'email', phone: 'tel' } as const;

/** One question about the visitor. */
export function Ask({ name, asked, host, texts }: { name: keyof typeof TYPES; asked: Asked; host: Host; texts: Texts }) {
  if (asked === 'off') return null;
  const type = TYPES[name] as 'text';
  return (
    <label>
      {texts[name]}
      {asked === 'optional' && ` (${texts.optional})`}
      <input name={name} type={type} autocomplete={type === 'text' ? 'name' : type} maxLength={120} required={asked === 'required'} defaultValue={host.who?.[name]} />
    </label>
  );
}

/** What is asked before the first message. */
function Questions({ host, texts }: { host: Host; texts: Texts }) {
  const { form } = host.site;
  if (!form) return null;
  return (
    <div class="ask">
      {(['name', 'email', 'phone'] as const).map((name) => (
        <Ask key={name} name={name} asked={form[name]} host={host} texts={texts} />
      ))}
      {form.consent && (
        <label class="agree">
          <input name="consent" type="checkbox" required />
          <span>{form.consent}</span>
        </label>
      )}
    </div>
  );
}
