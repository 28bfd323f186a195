import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Candidate handler files of a folder, in the order in which they are tried. */
export function handlerFiles(directory: string): string[] {
  return ["handler.js", "handler.ts"].map((name) => join(directory, name)).filter(existsSync);
}

/** Error message for a folder without a handler file, with the similar files that it has. */
export function noHandler(directory: string): string {
  const others = readdirSync(directory).filter((name) => /^handler\.[cm]?[jt]sx?$/.test(name));
  if (others.length === 0) return "there is neither handler.js nor handler.ts";
  const compiled = others.some((name) => name.endsWith("x")) ? "; compile JSX first" : "";
  return `there is neither handler.js nor handler.ts; ${others.join(", ")} is not used${compiled}`;
}
