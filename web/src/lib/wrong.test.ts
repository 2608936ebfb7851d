import en from '@/i18n/en';
import es from '@/i18n/es';
import { fill, type Params } from '@/i18n/format';
import pt from '@/i18n/pt';
import { describe, expect, it } from 'vitest';
import { wrongText } from './wrong';

const say = (texts: Record<string, string>, language: string) => (key: string, params?: Params) => texts[key] && fill(texts[key], params, language);

/** The code and the sentence of the server, and what people read. */
const CASES: [string, string, string][] = [
  ['too_long', 'at most 120 characters', 'Como máximo, 120 caracteres.'],
  ['too_short', 'at least 10 characters', 'Al menos 10 caracteres.'],
  ['length', '1 to 200 characters', 'Entre 1 y 200 caracteres.'],
  ['format', '5 to 32 digits', 'Entre 5 y 32 cifras.'],
  ['out_of_range', 'from 1970 to 2200', 'Entre 1970 y 2200.'],
  ['out_of_range', 'between 1 and 7 days', 'Entre 1 y 7.'],
  ['out_of_range', 'at most 25 MB', 'Como máximo, 25 MB.'],
  ['out_of_range', 'before the end of the period', 'Está fuera de lo que se acepta.'],
  ['too_many', 'at most 50 tests', 'Como máximo, 50.'],
  ['empty', 'the file is empty', 'El archivo está vacío.'],
  ['email', 'not an e-mail address', 'No es una dirección de correo.'],
  ['required', 'this is needed', 'Hay que completarlo.'],
  ['format', 'a colour such as #1f7a5c', 'Un color como #1f7a5c.'],
  ['limit', 'text_too_long: at most 4096 on this channel, here 5000', 'En este canal caben 4096 caracteres; hay 5000.'],
  ['limit', 'footer_too_long: at most 60 on this channel, here 61', 'No entra en los límites de este canal.'],
  ['of_tomorrow', 'a sentence nobody knows yet', 'a sentence nobody knows yet'],
];

describe('what is wrong with a value', () => {
  it.each(CASES)('%s: %s', (code, message, text) => {
    expect(wrongText(say(es, 'es'), { code, message })).toBe(text);
  });

  it('says the number in every language', () => {
    const wrong = { code: 'too_long', message: 'at most 120 characters' };
    expect(wrongText(say(en, 'en'), wrong)).toBe('At most 120 characters.');
    expect(wrongText(say(pt, 'pt'), wrong)).toBe('No máximo, 120 caracteres.');
  });

  it('says numbers in the unit of the field', () => {
    const wrong = { code: 'out_of_range', message: 'from 5 to 43200' };
    expect(wrongText(say(es, 'es'), wrong, (minutes) => (minutes < 60 ? `${minutes} min` : `${minutes / 1_440} d`))).toBe('Entre 5 min y 30 d.');
  });
});
