import { ApiError } from '@/api/client';
import type { Translator } from '@/i18n';
import es from '@/i18n/es';
import { fill, type Params } from '@/i18n/format';
import { describe, expect, it } from 'vitest';
import { explain, explainCode } from './errors';

const texts: Record<string, string> = es;
const maybe = (key: string, params?: Params) => texts[key] && fill(texts[key], params, 'es');
const t = Object.assign((key: string, params?: Params) => maybe(key, params) ?? key, { maybe }) as unknown as Translator;
const refused = (status: number, code: string, detail: string, more = {}) => explain(t, new ApiError(status, code, detail, { code, detail, ...more }));

describe('errors in words', () => {
  it('our_words_for_a_known_code', () => {
    expect(refused(503, 'routing_unavailable', 'routing is not available')).toBe('La asignación no responde en este momento. Nada cambió: se puede reintentar.');
    expect(refused(409, 'conflict', 'the conversation has changed', { owner: { id: 7, name: 'Camila Ruiz' } })).toBe('Ya la tiene Camila Ruiz.');
  });
  it('every_wrong_value_of_a_request', () => {
    const errors = [
      { pointer: '/name', code: 'too_long', message: 'at most 120 characters' },
      { pointer: '/email', code: 'email', message: 'not an e-mail address' },
    ];
    expect(refused(422, 'invalid', 'invalid input', { errors })).toBe('Como máximo, 120 caracteres. No es una dirección de correo.');
  });
  it('what_has_to_be_confirmed', () => {
    expect(explainCode(t, 'needs_confirmation', 'needs confirmation: unanswered')).toBe('El cliente espera una respuesta: para cerrar así hace falta un motivo.');
    expect(explainCode(t, 'needs_confirmation', 'needs confirmation: overnight')).toBe('Hace falta confirmarlo.');
  });
  it('the_words_of_the_server_for_a_code_of_tomorrow', () => {
    expect(refused(409, 'of_tomorrow', 'a sentence nobody knows yet')).toBe('a sentence nobody knows yet');
    expect(refused(502, 'http_502', '')).toBe(es['error.unknown']);
  });
});
