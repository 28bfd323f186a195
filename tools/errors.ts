/**
 * Checks docs/errors*.md against the code in both directions: a table lists each error that a package creates, and the
 * source contains each listed code. An error is created by `new HoldfastError("group", "code", ...)`. When the code is
 * chosen elsewhere (`new HoldfastError("group", code, ...)`), only the second direction is checked, by searching for
 * its literal.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root, sourceFiles } from "./workspace.ts";

interface Place {
  readonly path: string;
  readonly line: number;
}

const madePattern = /new HoldfastError\(\s*"([\w-]+)",\s*("?[\w.]+"?)/g;

function isShipped(path: string): boolean {
  if (!/^packages\/[\w-]+\/src\//.test(path) || /\.test\.tsx?$/.test(path)) return false;
  // The test kit and the mock model create errors of other packages.
  return !path.startsWith("packages/testing/");
}

/** Errors with a literal group and code, each with the first location that creates it. */
function madeErrors(sources: ReadonlyMap<string, string>): ReadonlyMap<string, Place> {
  const made = new Map<string, Place>();
  for (const [path, text] of sources) {
    for (const match of text.matchAll(madePattern)) {
      const [, group = "", code = ""] = match;
      if (!code.startsWith('"')) continue;
      const name = `${group}.${code.slice(1, -1)}`;
      const line = text.slice(0, match.index).split("\n").length;
      if (!made.has(name)) made.set(name, { path, line });
    }
  }
  return made;
}

/** `group.code` in the first column of the tables; a star or NNN stands for what users or servers choose. */
function listedErrors(pages: readonly string[]): ReadonlyMap<string, Place> {
  const listed = new Map<string, Place>();
  for (const path of pages) {
    const lines = readFileSync(join(root, path), "utf8").split("\n");
    lines.forEach((line, index) => {
      const [, first = ""] = /^\|([^|]*)\|/.exec(line) ?? [];
      for (const match of first.matchAll(/`([\w-]+\.[\w*]+)`/g)) {
        listed.set(match[1] ?? "", { path, line: index + 1 });
      }
    });
  }
  return listed;
}

const sources = new Map(
  sourceFiles()
    .filter(isShipped)
    .map((path) => [path, readFileSync(join(root, path), "utf8")]),
);
const made = madeErrors(sources);
const pages = readdirSync(join(root, "docs"))
  .filter((name) => /^errors(-\w+)*\.md$/.test(name))
  .map((name) => `docs/${name}`);
const listed = listedErrors(pages);
const literals = new Set<string>();
for (const text of sources.values()) {
  for (const match of text.matchAll(/["`]([\w.-]+)["`]/g)) literals.add(match[1] ?? "");
}

const problems: string[] = [];
for (const [name, { path, line }] of made) {
  if (!listed.has(name)) problems.push(`${path}:${line}: ${name} is on no page docs/errors*.md`);
}
for (const [name, { path, line }] of listed) {
  if (/[*]|NNN/.test(name)) continue;
  const [, code = ""] = name.split(".");
  if (!made.has(name) && !literals.has(name) && !literals.has(code)) {
    problems.push(`${path}:${line}: nothing creates ${name}`);
  }
}

if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
console.log(`errors: ${made.size} made with literal codes, ${listed.size} listed, both lists agree`);
