import { existsSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { HoldfastError } from "@holdfast/core";

const names = ["registry", "actors", "server", "index", "main", "app"];
const endings = ["ts", "mts", "js", "mjs"];

/** Where a program is looked for, best first. */
const candidates = ["src", "."].flatMap((folder) =>
  names.flatMap((name) => endings.map((ending) => join(folder, `${name}.${ending}`))),
);

/** The absolute path of the program: the given one, or the first that a project has. Throws `dev.no_entry`. */
export function findEntry(project: string, given: string | undefined): string {
  if (given !== undefined) {
    const path = resolve(project, given);
    if (existsSync(path) && statSync(path).isFile()) return path;
    const near = candidates.find((candidate) => existsSync(join(project, candidate)));
    const hint = near === undefined ? "" : ` Did you mean ${near}?`;
    throw new HoldfastError(
      "dev",
      "no_entry",
      `There is no file ${relative(project, path) || given}.${hint}`,
    );
  }
  const found = candidates.find((candidate) => existsSync(join(project, candidate)));
  if (found !== undefined) return resolve(project, found);
  throw new HoldfastError(
    "dev",
    "no_entry",
    "No program was found here: none of src/registry.ts, src/actors.ts, src/server.ts and src/index.ts exists. " +
      "Name it (holdfast dev FILE), or begin with one: npx holdfast init",
  );
}
