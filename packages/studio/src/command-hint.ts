import { resolve } from "node:path";

/**
 * A `holdfast` command to copy and paste. Includes the data directory unless it is the default, so that the command
 * reaches the same server.
 */
export function commandHint(args: string, dataDirectory: string): string {
  const isDefault = dataDirectory === resolve(".holdfast");
  return `npx holdfast ${args}${isDefault ? "" : ` --data ${shellQuote(dataDirectory)}`}`;
}

/** Quotes text for a POSIX shell if necessary. */
function shellQuote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
