import { api } from '@/api/client';
import type { StoredFile } from '@/api/types';
import type { Translator } from '@/i18n';
import { explain } from '@/lib/errors';
import { owner } from '@/lib/owner';
import { createStore } from '@/lib/store';

export interface Attached {
  id: string;
  name: string;
  mime: string;
  size: number;
  file?: string;
  error?: string;
  /** What a customer reads with it. */
  caption?: string;
  /** As it was chosen: to send it again, or smaller. */
  source: Blob;
}

/** Files that wait in the composers, per conversation, as long as the page lives. */
export const attached = createStore<Readonly<Record<number, readonly Attached[]>>>({});
owner.subscribe(() => attached.set({}));

const NONE: readonly Attached[] = [];

export function filesOf(all: Readonly<Record<number, readonly Attached[]>>, conversation: number): readonly Attached[] {
  return all[conversation] ?? NONE;
}

export function setFiles(conversation: number, change: (now: readonly Attached[]) => readonly Attached[]): void {
  attached.set((all) => ({ ...all, [conversation]: change(filesOf(all, conversation)) }));
}

export function patchFile(conversation: number, id: string, change: Partial<Attached>): void {
  setFiles(conversation, (now) => now.map((one) => (one.id === id ? { ...one, ...change } : one)));
}

/** Puts a file on the server; one with the same id is replaced. */
export function upload(t: Translator, conversation: number, source: Blob, name: string, id: string): void {
  const start: Attached = { id, name, mime: source.type || 'application/octet-stream', size: source.size, source };
  setFiles(conversation, (now) =>
    now.some((one) => one.id === id) ? now.map((one) => (one.id === id ? { ...start, caption: one.caption } : one)) : [...now, start],
  );
  const form = new FormData();
  form.append('file', source, name);
  api
    .upload<StoredFile>('/files', form)
    .then((stored) => patchFile(conversation, id, { file: stored.id, mime: stored.mime || start.mime, size: stored.size }))
    .catch((error: unknown) => patchFile(conversation, id, { error: explain(t, error) }));
}

/** The files of a paste. Spreadsheets add a picture of what is text: that one is pasted as text. */
export function pasted(data: Pick<DataTransfer, 'files' | 'getData'>): File[] {
  const files = [...data.files];
  const lines = data.getData('text/plain').split(/[\r\n]+/u).filter(Boolean);
  // Copied files come with their names as text.
  return lines.every((line) => files.some((file) => file.name === line)) ? files : [];
}
