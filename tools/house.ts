/**
 * Checks docs/explanation/house.md, the list of source folders, against the folders: each folder under
 * `packages/*\/src` with source files has one line, no line names a missing folder, and no folder has too many files.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root, sourceFiles } from "./workspace.ts";

const page = "docs/explanation/house.md";
const maxFilesOfFolder = 16;

/** Number of source files, without tests, of each folder below a package's `src`. */
function filesByFolder(): Map<string, number> {
  const folders = new Map<string, number>();
  for (const path of sourceFiles()) {
    if (!/^packages\/[^/]+\/src\//.test(path) || /\.test\.tsx?$/.test(path)) continue;
    const folder = dirname(path);
    folders.set(folder, (folders.get(folder) ?? 0) + 1);
  }
  return folders;
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
  if (files > maxFilesOfFolder)
    problems.push(`${folder}: ${files} source files, at most ${maxFilesOfFolder}; which rooms are in it?`);
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
