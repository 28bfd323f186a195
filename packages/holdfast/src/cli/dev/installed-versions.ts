import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface Installed {
  readonly name: string;
  readonly version: string;
}

/**
 * A sentence about packages of Holdfast that a project has in several versions, which do not work together; undefined
 * if there are none. `own` is the version of this command.
 */
export function mixedVersions(project: string, own: string): string | undefined {
  const installed = installedPackages(join(project, "node_modules"));
  const holdfast = installed.find(({ name }) => name === "holdfast");
  const expected = holdfast?.version ?? own;
  const others = installed.filter(({ version }) => version !== expected);
  if (others.length > 0) {
    const list = others.map(({ name, version }) => `${name} ${version}`).join(", ");
    const line = ["npm install", ...others.map(({ name }) => `${name}@${expected}`)].join(" ");
    return `Packages of Holdfast have different versions: holdfast ${expected}, but ${list}. Run: ${line}`;
  }
  if (expected === own) return undefined;
  return (
    `This project has holdfast ${expected}, but this command is ${own}. ` +
    "Run that of the project: npx holdfast dev"
  );
}

function installedPackages(folder: string): readonly Installed[] {
  const scope = join(folder, "@holdfast");
  const scoped = existsSync(scope) ? readdirSync(scope).map((name) => `@holdfast/${name}`) : [];
  return ["holdfast", ...scoped].flatMap((name) => {
    const manifest = join(folder, name, "package.json");
    if (!existsSync(manifest)) return [];
    const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version?: unknown };
    return typeof version === "string" ? [{ name, version }] : [];
  });
}
