import { pathToFileURL } from "node:url";

/** How Node begins what it prints when a program ends with an error: its own line that noticed it. */
const ownLine = /^node:internal\/.*\n.*\n\s*\^\s*\n+/gm;

/**
 * The error that ended a program, as Node has printed it, without what says nothing about the program: Node's own lines
 * and frames, and the path of the project. Adds what to do where a package is missing.
 */
export function readableError(text: string, project: string): string {
  const lines = text
    .replace(ownLine, "")
    .replaceAll(`${pathToFileURL(project).href}/`, "")
    .split("\n")
    .filter((line) => !/^\s+at .*node:internal\/|^Node\.js v\d/.test(line));
  const error = lines.join("\n").trim();
  const missing = /Cannot find package '([^']+)'/.exec(error)?.[1];
  return missing === undefined
    ? error
    : `${error}\n\nThe package ${missing} is not installed here. Run: npm install`;
}
