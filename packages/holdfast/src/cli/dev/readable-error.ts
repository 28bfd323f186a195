import { pathToFileURL } from "node:url";

/** How Node begins what it prints when a program ends with an error: its own line that noticed it. */
const ownLine = /^node:internal\/.*\n.*\n\s*\^\s*\n+/gm;

/**
 * The error that ended a program, as Node has printed it, without what says nothing about the program: Node's own lines
 * and frames, and the path of the project. Adds what to do where the project is not whole.
 */
export function readableError(text: string, project: string): string {
  const lines = text
    .replace(ownLine, "")
    .replaceAll(`${pathToFileURL(project).href}/`, "")
    .split("\n")
    .filter((line) => !/^\s+at .*node:internal\/|^Node\.js v\d/.test(line));
  const error = lines.join("\n").trim();
  const remedy = remedyOf(error);
  return remedy === undefined ? error : `${error}\n\n${remedy}`;
}

/** What to do about an error of a project that is not whole yet. */
export function remedyOf(error: string): string | undefined {
  const missing = /Cannot find package '([^']+)'/.exec(error)?.[1];
  if (missing !== undefined) return `The package ${missing} is not installed here. Run: npm install`;
  if (/Invalid package config (?!\S*node_modules\/)/.test(error))
    return "package.json is not JSON: a comma or a quote may be missing. Mend it, then save the program.";
  return undefined;
}
