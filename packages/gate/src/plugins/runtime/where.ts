import { fileURLToPath } from "node:url";
import { lastOwnSource } from "./own-sources.ts";

const mostOfLine = 120;

/** A path below the plugin's folder, as its author knows it; undefined for one that is elsewhere. */
function ownPath(place: string, directory: string): string | undefined {
  const path = place.startsWith("file:") ? fileURLToPath(place) : place;
  return path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : undefined;
}

/** Before the stack of what cannot be parsed stand its file and line. Of TypeScript, lines are others by then. */
function nearWhat(stack: string, directory: string): string | undefined {
  const [, place = "", line = ""] = /^(\S+):\d+\r?\n([^\r\n]*)/.exec(stack) ?? [];
  const path = ownPath(place, directory);
  const text = line.replace(/\/\/# source.*$/, "").trim();
  return path === undefined
    ? undefined
    : `in ${path}${text === "" ? "" : `, near: ${text.slice(0, mostOfLine)}`}`;
}

/** Node does not say which module it is that it cannot parse: the one that it was given last. */
function inLast(directory: string): string | undefined {
  const { url = "", decorators = false } = lastOwnSource() ?? {};
  const path = ownPath(url, directory);
  const why = decorators ? ", where there are decorators: Node knows none, a compiler takes them out" : "";
  return path === undefined ? undefined : `in ${path}${why}`;
}

function atFrame(stack: string, directory: string): string | undefined {
  for (const [, place = "", line] of stack.matchAll(/^ +at (?:.*\()?(\S+?):(\d+):\d+\)?$/gm)) {
    const path = ownPath(place, directory);
    if (path !== undefined) return `at ${path}:${line}`;
  }
  return undefined;
}

/** What an error says, and where in the plugin's folder it came from, for the plugin's author. */
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
