import { type HoldfastError, isHoldfastError } from "@holdfast/core";

/** A call's promise, from whose type `attempt` reads what the action declares that it may throw. */
export type ActionPromise<Result, Errors> = Promise<Result> & { readonly "~errors"?: Errors };

/** A failure that the action declares, told apart by `code`. */
type DeclaredFailure<Errors> = {
  readonly [Code in keyof Errors & string]: {
    readonly ok: false;
    readonly code: Code;
    readonly metadata: Errors[Code];
    readonly error: HoldfastError;
  };
}[keyof Errors & string];

/** What became of a call; `code` is undefined for an error that its action does not declare. */
export type Attempt<Result, Errors> =
  | { readonly ok: true; readonly value: Result }
  | DeclaredFailure<Errors>
  | { readonly ok: false; readonly code: undefined; readonly error: unknown };

/**
 * Waits for a call and returns its result or its error, so that the errors that its action declares are
 * typed: `const bought = await attempt(shop.buy({ item }), ["sold_out"])`. Never throws.
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
    // The server lets an action throw only what it declares: the metadata has been checked there.
    return { ok: false, code, metadata: error.metadata, error } as DeclaredFailure<Errors>;
  }
}
