import { fileURLToPath } from "node:url";
import { lastOwnSource } from "./own-sources.ts";

const mostOfLine = 120;

/** Path relative to the plugin's folder; undefined for one outside it. */
function ownPath(place: string, directory: string): string | undefined {
  const path = place.startsWith("file:") ? fileURLToPath(place) : place;
  return path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : undefined;
}

/** The stack of a syntax error begins with its file and line. For TypeScript, the line differs from the source. */
function nearWhat(stack: string, directory: string): string | undefined {
  const [, place = "", line = ""] = /^(\S+):\d+\r?\n([^\r\n]*)/.exec(stack) ?? [];
  const path = ownPath(place, directory);
  const text = line.replace(/\/\/# source.*$/, "").trim();
  return path === undefined
    ? undefined
    : `in ${path}${text === "" ? "" : `, near: ${text.slice(0, mostOfLine)}`}`;
}

/** Node does not name an unparsable module; it is the one passed to it last. */
function inLast(directory: string): string | undefined {
  const { url = "", decorators = false } = lastOwnSource() ?? {};
  const path = ownPath(url, directory);
  const why = decorators
    ? ", which has decorators: Node does not support them; compile the plugin first"
    : "";
  return path === undefined ? undefined : `in ${path}${why}`;
}

function atFrame(stack: string, directory: string): string | undefined {
  for (const [, place = "", line] of stack.matchAll(/^ +at (?:.*\()?(\S+?):(\d+):\d+\)?$/gm)) {
    const path = ownPath(place, directory);
    if (path !== undefined) return `at ${path}:${line}`;
  }
  return undefined;
}

/** Message of an error with its location in the plugin's folder, for the plugin's author. */
export function toldWithPlace(error: unknown, directory: string): string {
  if (!(error instanceof Error)) return String(error);
  const { message } = error;
  const stack = String(error.stack ?? "");
  const place =
    nearWhat(stack, directory) ??
    atFrame(stack, directory) ??
    (error instanceof SyntaxError ? inLast(directory) : undefined);
  return place === undefined ? message : `${message} (${place})`;
}
