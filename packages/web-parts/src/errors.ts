import { isHoldfastError } from "@holdfast/core";

/** An error as shown to people. */
export interface ErrorText {
  readonly title: string;
  /** What to do next; may be empty. */
  readonly next: string;
}

/** Returns the `group.code` from docs/errors.md, or undefined for foreign errors. */
export function errorCode(error: unknown): string | undefined {
  return isHoldfastError(error) ? `${error.group}.${error.code}` : undefined;
}
