import { ApiError } from '@/api/client';
import type { Translator } from '@/i18n';
import type { Params } from '@/i18n/format';
import { wrongText } from './wrong';

/** An error in words people understand: ours where the code is known, the server's otherwise. */
export function explain(t: Translator, error: unknown): string {
  if (error instanceof ApiError) {
    if (error.status === 0) return t('error.network');
    const owner = (error.problem['owner'] as { name?: string } | null | undefined)?.name;
    const params = {
      owner: owner ?? '',
      load: Number(error.problem['load'] ?? 0),
      cap: Number(error.problem['cap'] ?? 0),
      seconds: error.retryAfter ?? 0,
      number: Number(error.problem['number'] ?? 0),
    };
    const ours = owner ? t.maybe(`error.${error.code}.owner`, params) : undefined;
    const values = error.problem.errors?.map((wrong) => wrongText(t.maybe, wrong)).filter(Boolean) ?? [];
    return ours ?? (values.join(' ') || explainCode(t, error.code, error.detail, params));
  }
  return t('error.unknown');
}

/** As `explain`, where the problem is a line of a report. */
export function explainCode(t: Translator, code: string | null | undefined, detail: string | null | undefined, params?: Params): string {
  const asked = /^needs confirmation: (\w+)$/u.exec(detail ?? '')?.[1];
  const ours = (asked && t.maybe(`error.${code}.${asked}`)) ?? t.maybe(`error.${code}`, params);
  return ours ?? (detail || t('error.unknown'));
}
