/**
 * Checks docs/explanation/house.md, the list of source folders, against the folders: each folder under
 * `packages/*\/src` with source files has one line, no line names a missing folder, no folder has too many files, and
 * one file of each folder begins with a comment about the folder.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root, sourceFiles } from "./workspace.ts";

const page = "docs/explanation/house.md";
const maxFilesOfFolder = 16;

/** Source files, without tests, of each folder below a package's `src`. */
function filesByFolder(): Map<string, string[]> {
  const folders = new Map<string, string[]>();
  for (const path of sourceFiles()) {
    if (!/^packages\/[^/]+\/src\//.test(path) || /\.test\.tsx?$/.test(path)) continue;
    const folder = dirname(path);
    const files = folders.get(folder);
    if (files === undefined) folders.set(folder, [path]);
    else files.push(path);
  }
  return folders;
}

/** True for a file that begins with a comment about its folder: one that describes no declaration. */
function describesFolder(path: string): boolean {
  return /^\/\*\*(?:(?!\*\/).)*\*\/\n(?:\n|\/\*\*|\/\/|import |export [{*]|export type \{)/s.test(
    readFileSync(join(root, path), "utf8"),
  );
}

/** Maps each folder to its description. A line is "- `packages/x/src/room`: description". */
function rooms(): Map<string, string> {
  const text = readFileSync(join(root, page), "utf8");
  const lines = Array.from(text.matchAll(/^- `(packages\/[^`]+)`: (.+)$/gm));
  return new Map(lines.map(([, folder = "", says = ""]) => [folder, says]));
}

const folders = filesByFolder();
const described = rooms();
const problems: string[] = [];
for (const [folder, files] of folders) {
  if (!described.has(folder)) problems.push(`${page}: ${folder} has no line`);
  if (files.length > maxFilesOfFolder) {
    problems.push(`${folder}: ${files.length} source files, at most ${maxFilesOfFolder}. Split it by topic.`);
  }
  if (files.length > 1 && !files.some(describesFolder)) {
    problems.push(`${folder}: no file begins with a comment about the folder`);
  }
}
for (const [folder, says] of described) {
  if (!folders.has(folder)) problems.push(`${page}: ${folder} holds no source file`);
  if (says.length > 140) problems.push(`${page}: ${folder} takes ${says.length} characters, at most 140`);
}
if (problems.length > 0) {
  console.error(problems.sort().join("\n"));
  process.exit(1);
}
console.log(`house: ${folders.size} folders, each with a line in ${page}`);
