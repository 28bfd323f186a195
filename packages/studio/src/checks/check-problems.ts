import { stripVTControlCharacters } from "node:util";
import type { CheckProblem } from "../contract/checks.ts";
import { studioLimits } from "../limits.ts";

/** `src/a.ts:3:5 message`, also behind an arrow, in brackets or as an address; the column is optional. */
const place =
  /(?:^|[\s("'`[=>])(?:file:\/\/)?((?:[A-Za-z0-9_@.+~/-])+\.[A-Za-z0-9_]+):(\d{1,7})(?::(\d{1,5}))?/;
/** `src/a.ts(3,5): error TS1: message` */
const compiler = /^\s*((?:[\w@.+~/ -])+\.\w+)\((\d{1,7})(?:,(\d{1,5}))?\):\s*(.*)$/;
/** `  File "src/a.py", line 3` */
const python = /^\s*File "([^"]+)", line (\d{1,7})/;
/** A line that is only the path of a file; the places in it follow, indented. */
const heading = /^(\S+\.\w+)$/;
const underHeading = /^\s+(\d{1,7}):(\d{1,5})\s+(.*)$/;

/**
 * Places in files that the output of a command names, in its order and each line of a file once: as compilers, linters,
 * test runners and stack traces write them. `workspace` is the path of the workspace where the command ran. Whether the
 * files exist is not known here.
 */
export function problemsOf(output: string, workspace: string): readonly CheckProblem[] {
  const found = new Map<string, CheckProblem>();
  let file: string | undefined;
  const lines = stripVTControlCharacters(output).split(/\r?\n/);
  for (const [index, text] of lines.entries()) {
    const head = heading.exec(text.trimEnd());
    if (head !== null) {
      file = head[1];
      continue;
    }
    const named = placeOf(text, file, lines[index - 1] ?? "");
    const path = named && relative(named.path, workspace);
    if (named === undefined || path === undefined || named.line < 1) continue;
    const key = `${path}:${named.line}`;
    if (found.has(key)) continue;
    const message = named.message.trim().slice(0, studioLimits.maxCheckMessage);
    const { line, column } = named;
    found.set(key, { path, line, ...(column === undefined ? {} : { column }), message });
    if (found.size === studioLimits.maxCheckProblems) break;
  }
  return Array.from(found.values());
}

function placeOf(line: string, file: string | undefined, before: string): CheckProblem | undefined {
  const below = file === undefined ? null : underHeading.exec(line);
  if (below !== null && file !== undefined)
    return { path: file, ...at(below[1], below[2]), message: below[3] ?? "" };
  const compiled = compiler.exec(line);
  if (compiled !== null)
    return {
      ...{ path: compiled[1]?.trim() ?? "", message: compiled[4] ?? "" },
      ...at(compiled[2], compiled[3]),
    };
  const traced = python.exec(line);
  if (traced !== null) return { path: traced[1] ?? "", line: Number(traced[2]), message: line };
  const named = place.exec(line);
  if (named === null) return undefined;
  const [whole, path = "", number, column] = named;
  const rest = line
    .slice(named.index + whole.length)
    .replace(/^[\s):,\]\u2014-]+/, "")
    .trim();
  // An arrow or a frame of a stack says where, and the line before it or its own text says what.
  return { path, ...at(number, column), message: isText(rest) ? rest : isText(before) ? before : line };
}

function at(line: string | undefined, column?: string): Pick<CheckProblem, "line" | "column"> {
  return {
    line: Number(line),
    ...(column === undefined || Number(column) < 1 ? {} : { column: Number(column) }),
  };
}

function isText(text: string): boolean {
  return /\p{L}/u.test(text);
}

/** The path in the workspace; undefined for a file elsewhere, and for one of a package. */
function relative(path: string, workspace: string): string | undefined {
  const inside = path.startsWith(`${workspace}/`) ? path.slice(workspace.length + 1) : path;
  const clean = inside.replace(/^(?:\.\/)+/, "");
  const parts = clean.split("/");
  if (
    clean.startsWith("/") ||
    parts.includes("node_modules") ||
    parts.some((part) => part === "" || part === "..")
  )
    return undefined;
  return clean;
}
