import { createStore, read, useStore, write } from '@/lib/store';
import { Fragment, type ReactNode } from 'react';
import type es from './es';
import { fill, number, type Params } from './format';
import type panelEs from './panel.es';

export type Key = keyof typeof es | keyof typeof panelEs;
export type Language = 'es' | 'en' | 'pt';
export const LANGUAGES: readonly Language[] = ['es', 'en', 'pt'];

type Texts = Partial<Record<Key, string>>;

const loaders: Record<Language, { core: () => Promise<{ default: Texts }>; panel: () => Promise<{ default: Texts }> }> = {
  es: { core: () => import('./es'), panel: () => import('./panel.es') },
  en: { core: () => import('./en'), panel: () => import('./panel.en') },
  pt: { core: () => import('./pt'), panel: () => import('./panel.pt') },
};

const KEY = 'ronda.language';
const current = createStore<{ language: Language; texts: Texts }>({ language: 'es', texts: {} });
let panelWanted = false;

function known(tag: string | null | undefined): Language | undefined {
  const short = tag?.slice(0, 2).toLowerCase();
  return LANGUAGES.find((language) => language === short);
}

/** The language to begin with: chosen here, else the browser's, else Spanish. */
export function startLanguage(): Language {
  return known(read<string>(KEY)) ?? known(navigator.languages.find((tag) => known(tag))) ?? 'es';
}

/** Whether somebody chose a language in this browser. */
export function languageChosen(): boolean {
  return known(read<string>(KEY)) !== undefined;
}

/** The name of a language as the API knows it. */
export function languageTag(language: string): string {
  return language === 'pt' ? 'pt-BR' : language;
}

/** Loads a language and shows it. `remember` keeps it for this browser. */
export async function showLanguage(tag: string | null | undefined, remember = false): Promise<void> {
  const language = known(tag) ?? 'es';
  if (remember) write(KEY, language);
  const [core, panel] = await Promise.all([
    loaders[language].core(),
    panelWanted ? loaders[language].panel() : Promise.resolve({ default: {} as Texts }),
  ]);
  document.documentElement.lang = language;
  current.set({ language, texts: { ...core.default, ...panel.default } });
}

/** The texts of the control panel are a file of their own, loaded with it. */
export async function loadPanelTexts(): Promise<void> {
  panelWanted = true;
  await showLanguage(current.get().language);
}

/** The texts of every language, to find something by whatever it is called. */
export async function allTexts(): Promise<Texts[]> {
  const each = LANGUAGES.flatMap((language) => [loaders[language].core(), loaders[language].panel()]);
  return (await Promise.all(each)).map((loaded) => loaded.default);
}

export interface Translator {
  (key: Key, params?: Params): string;
  language: Language;
  number(value: number): string;
  /** The text, when there is one under a key that is only known at run time. */
  maybe(key: string, params?: Params): string | undefined;
  /** A text whose values are elements. */
  rich(key: Key, values: Record<string, ReactNode>): ReactNode;
}

function translator(language: Language, texts: Texts): Translator {
  const t = ((key: Key, params?: Params) => fill(texts[key] ?? key, params, language)) as Translator;
  t.language = language;
  t.number = (value) => number(value, language);
  t.maybe = (key, params) => {
    const text = texts[key as Key];
    return text === undefined ? undefined : fill(text, params, language);
  };
  t.rich = (key, values) =>
    (texts[key] ?? key).split(/(\{\w+\})/u).map((part, i) => {
      const name = /^\{(\w+)\}$/u.exec(part)?.[1];
      return <Fragment key={i}>{name ? (values[name] ?? '') : part}</Fragment>;
    });
  return t;
}

/** A text outside of components, when there is one under the key. */
export function textNow(key: string, params?: Params): string | undefined {
  const { language, texts } = current.get();
  const text = texts[key as Key];
  return text === undefined ? undefined : fill(text, params, language);
}

let cached: { from: object; t: Translator } | undefined;

export function useT(): Translator {
  const state = useStore(current);
  if (cached?.from !== state) cached = { from: state, t: translator(state.language, state.texts) };
  return cached.t;
}
