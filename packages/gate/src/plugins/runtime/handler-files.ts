import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** The files of a folder that its handler may be in, the one to be imported first in front. */
export function handlerFiles(directory: string): string[] {
  return ["handler.js", "handler.ts"].map((name) => join(directory, name)).filter(existsSync);
}

/** What is said of a folder without any, and of what is there in their place. */
export function noHandler(directory: string): string {
  const others = readdirSync(directory).filter((name) => /^handler\.[cm]?[jt]sx?$/.test(name));
  if (others.length === 0) return "there is neither handler.js nor handler.ts";
  const compiled = others.some((name) => name.endsWith("x")) ? "; JSX is for a compiler" : "";
  return `there is neither handler.js nor handler.ts, and ${others.join(", ")} is not taken${compiled}`;
}
