import { ApiError } from '@/api/client';
import type { Translator } from '@/i18n';

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
    const values = error.problem.errors?.map((e) => e.message).filter(Boolean) ?? [];
    return ours ?? t.maybe(`error.${error.code}`, params) ?? (values.join(' ') || error.detail || t('error.unknown'));
  }
  return t('error.unknown');
}
