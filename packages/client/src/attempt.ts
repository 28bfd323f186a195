import { type HoldfastError, isHoldfastError } from "@holdfast/core";

/** Promise of an action call. Its type carries the errors that the action declares, for `attempt`. */
export type ActionPromise<Result, Errors> = Promise<Result> & { readonly "~errors"?: Errors };

/** Declared failure of an action, discriminated by `code`. */
type DeclaredFailure<Errors> = {
  readonly [Code in keyof Errors & string]: {
    readonly ok: false;
    readonly code: Code;
    readonly metadata: Errors[Code];
    readonly error: HoldfastError;
  };
}[keyof Errors & string];

/** Outcome of a call. `code` is undefined for an error that the action does not declare. */
export type Attempt<Result, Errors> =
  | { readonly ok: true; readonly value: Result }
  | DeclaredFailure<Errors>
  | { readonly ok: false; readonly code: undefined; readonly error: unknown };

/**
 * Waits for a call and returns its result or its error, with the errors that the action declares typed: `const bought
 * = await attempt(shop.buy({ item }), ["sold_out"])`. Never throws.
 */
export async function attempt<Result, Errors>(
  call: ActionPromise<Result, Errors>,
  codes: readonly (keyof Errors & string)[],
): Promise<Attempt<Result, Errors>> {
  try {
    return { ok: true, value: await call };
  } catch (error) {
    const code = isHoldfastError(error) && error.group === "user" ? error.code : undefined;
    if (!isHoldfastError(error) || !codes.some((known) => known === code)) {
      return { ok: false, code: undefined, error };
    }
    // Safe cast: the server has already checked the metadata against the declaration.
    return { ok: false, code, metadata: error.metadata, error } as DeclaredFailure<Errors>;
  }
}
