import { constants } from "node:os";
import { isHoldfastError } from "@holdfast/core";

/** A refusal with the number of an error of the system. */
export class Errno extends Error {
  readonly errno: number;

  constructor(errno: number) {
    super(`errno ${errno}`);
    this.errno = errno;
  }
}

const numbers: Readonly<Record<string, number>> = constants.errno;

/** What a program sees of an error of the other sandbox. Whatever has no number of its own is EIO. */
export function toErrno(error: unknown): Errno {
  if (error instanceof Errno) return error;
  return new Errno(numberOf(error));
}

function numberOf(error: unknown): number {
  const { EIO, ESTALE, EFBIG, EACCES } = constants.errno;
  const status = error instanceof Error && "status" in error ? error.status : undefined;
  if (status === 412) return ESTALE;
  if (status === 413) return EFBIG;
  if (status === 401 || status === 403) return EACCES;
  if (!(error instanceof Error)) return EIO;
  if (isHoldfastError(error) && error.code === "already_exists") return constants.errno.EEXIST;
  // The file API names the error of its system at the start of the detail.
  const code = /\b(E[A-Z]{2,14}): /.exec(error.message)?.[1];
  return (code === undefined ? undefined : numbers[code]) ?? EIO;
}
