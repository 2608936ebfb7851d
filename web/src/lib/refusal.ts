import { ApiError } from '@/api/client';
import type { InUnit } from '@/lib/wrong';

/** What a refused save says of its values. Each field asks for what is about it; what no field asked for is left for the form. */
export class Refusal {
  private readonly told = new Set<string>();

  constructor(readonly error: unknown) {}

  private get errors() {
    return this.error instanceof ApiError ? (this.error.problem.errors ?? []) : [];
  }

  /** It is about values, and not about the whole. */
  get ofFields(): boolean {
    return this.errors.length > 0;
  }

  about(pointer: string, inUnit?: InUnit): string | undefined {
    this.told.add(pointer);
    return this.error instanceof ApiError ? this.error.about(pointer, inUnit) : undefined;
  }

  /** Also about what is inside: of a list that is one field. */
  within(pointer: string): string | undefined {
    const found = this.errors.map((one) => one.pointer).filter((one) => one === pointer || one.startsWith(`${pointer}/`));
    return found.map((one) => this.about(one))[0];
  }

  /** To be asked after the fields. */
  left(): { pointer: string; text: string }[] {
    const pointers = new Set(this.errors.map((one) => one.pointer).filter((one) => !this.told.has(one)));
    return [...pointers].map((pointer) => ({ pointer, text: (this.error as ApiError).about(pointer) ?? '' }));
  }
}
