import { HoldfastError } from "@holdfast/core";

/** The error of a push to a fork that takes none. */
export function forkClosed(number: number, repository: string): HoldfastError {
  const message = `${repository} does not allow maintainers to edit the branch of #${number}. Publish to a branch of your own instead, or ask its author to allow it.`;
  return new HoldfastError("publish", "fork_closed", message, { statusCode: 409 });
}
