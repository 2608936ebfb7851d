import type { Decision, Reason, Ref } from '@/api/types';
import type { Translator } from '@/i18n';
import type { ReactNode } from 'react';
import { duration } from './time';

type Names = (id: number) => string | undefined;

export function reasonCode(reason: Reason | null | undefined): string {
  return typeof reason === 'string' ? reason : (reason?.code ?? '');
}

export function reasonParams(reason: Reason | null | undefined): Record<string, unknown> {
  return typeof reason === 'string' ? {} : (reason?.params ?? {});
}

/** Values as people read them: durations, names instead of numbers, limits. */
export function readable(params: Record<string, unknown>, names: Names = () => undefined): Record<string, string | number> {
  const out: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(params)) {
    if (name.endsWith('_ms') && typeof value === 'number') out[name.slice(0, -3)] = duration(value);
    else if (['agent', 'by', 'to', 'from', 'owner'].includes(name) && typeof value === 'number') out[name] = names(value) ?? `#${value}`;
    else if (typeof value === 'string' || typeof value === 'number') out[name] = value;
    else if (value && typeof value === 'object' && 'name' in value) out[name] = String(value.name);
  }
  if (typeof out['round'] === 'number') out['round'] = out['round'] + 1;
  return out;
}

/** The short form that agents see: "rotación desde Ana tras 1:00". */
export function shortReason(t: Translator, reason: Reason | null | undefined, from?: Ref | null): string | null {
  const code = reasonCode(reason);
  if (!code) return null;
  const params = { from: from?.name ?? '', ...readable(reasonParams(reason)) };
  if (code === 'no_answer' && params.from) return t('why.no_answer.from', params);
  return t.maybe(`why.${code}`, params) ?? null;
}

/** A decision in one sentence: "Pasó de Ana a Luis: no respondió en 1:00". */
export function sentence(t: Translator, decision: Pick<Decision, 'act' | 'reason' | 'from' | 'to'>, names?: Names): ReactNode {
  const code = reasonCode(decision.reason);
  const raw = reasonParams(decision.reason);
  const values: Record<string, ReactNode> = {
    ...readable(raw, names),
    from: <b>{decision.from?.name}</b>,
    to: <b>{decision.to?.name}</b>,
  };
  const strategy = raw['strategy'];
  const why = raw['why'];
  if (code === 'preferred_skipped' && typeof why === 'string') values['why'] = t.maybe(`skip.${why}`) ?? why;
  const key = [
    typeof strategy === 'string' ? `decision.${decision.act}.${code}.${strategy}` : '',
    decision.act === 'widen' && raw['skills_dropped'] === true ? 'decision.widen.skills' : '',
    decision.act === 'take' && !decision.from ? 'decision.take.free' : '',
    decision.act === 'transfer' ? `decision.transfer${decision.to ? '' : '.queue'}${decision.from ? '' : '.free'}` : '',
    `decision.${decision.act}.${code}`,
    `decision.${decision.act}`,
  ].find((candidate) => candidate && t.maybe(candidate) !== undefined);
  return key ? t.rich(key as Parameters<Translator['rich']>[0], values) : `${decision.act} · ${code}`;
}

/** What a system line inside a conversation says: a decision of routing, told to everybody who reads it. */
export function systemLine(t: Translator, code: string, values?: unknown): ReactNode {
  const params = (values ?? {}) as Record<string, unknown>;
  const ref = (value: unknown): Ref | null =>
    value && typeof value === 'object' && 'name' in value ? (value as Ref) : null;
  const reason = params['reason'] as Reason | undefined;
  const plain = t.maybe(`sys.${code}`, readable(params));
  if (plain !== undefined) return plain;
  return sentence(t, { act: code, reason: reason ?? '', from: ref(params['from']), to: ref(params['to']) });
}
