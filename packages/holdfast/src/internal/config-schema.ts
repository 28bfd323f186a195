/** Options and loggers of the entry points. */
import type { StandardSchema } from "@holdfast/core";

/** A Standard Schema with the two methods that schema libraries have. */
export interface ConfigSchema<T> extends StandardSchema<unknown, T> {
  /** Throws the validation error. */
  parse(value: unknown): T;
  safeParse(value: unknown): SafeParse<T>;
}

export type SafeParse<T> =
  | { readonly success: true; readonly data: T }
  | { readonly success: false; readonly error: Error };

/** Creates a schema from a function that returns the value with its defaults, or throws. */
export function configSchema<T>(parse: (value: unknown) => T): ConfigSchema<T> {
  const safeParse = (value: unknown): SafeParse<T> => {
    try {
      return { success: true, data: parse(value) };
    } catch (error) {
      return { success: false, error: error instanceof Error ? error : new Error(String(error)) };
    }
  };
  return {
    parse,
    safeParse,
    "~standard": {
      version: 1,
      vendor: "holdfast",
      validate: (value) => {
        const result = safeParse(value);
        return result.success ? { value: result.data } : { issues: [{ message: result.error.message }] };
      },
    },
  };
}
