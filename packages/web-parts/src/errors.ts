import { isHoldfastError } from "@holdfast/core";

/** An error as a person reads it. */
export interface ErrorWords {
  readonly title: string;
  /** What the person can do next; empty where there is nothing to add. */
  readonly next: string;
}

/** `group.code`, as docs/errors.md lists it; undefined for what is no error of the product. */
export function errorCode(error: unknown): string | undefined {
  return isHoldfastError(error) ? `${error.group}.${error.code}` : undefined;
}
