import { resolve } from "node:path";

/**
 * A `holdfast` command for a person to copy. It names the data directory unless that is the default of the
 * directory in which the server was started: the command has to reach the same server.
 */
export function commandHint(args: string, dataDirectory: string): string {
  const isDefault = dataDirectory === resolve(".holdfast");
  return `npx holdfast ${args}${isDefault ? "" : ` --data ${shellQuote(dataDirectory)}`}`;
}

/** Quoted for a POSIX shell where it has to be. */
function shellQuote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
