import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** Not a literal where it is loaded, so that no bundler includes it: it has native code of its own version. */
export const imageLibraryName: string = "sharp";

/** A package of the library `sharp`. */
export interface ImageLibrary {
  readonly name: string;
  readonly directory: string;
}

/**
 * Finds the library with the packages that it needs on this platform; empty where it is not installed. A bundle cannot
 * contain them: to run a bundled server elsewhere, copy them to a `node_modules` folder that Node searches.
 */
export function imageLibrary(): readonly ImageLibrary[] {
  try {
    const entry = createRequire(import.meta.url).resolve(imageLibraryName);
    const folder = `/node_modules/${imageLibraryName}`;
    const root = entry.slice(0, entry.lastIndexOf(`${folder}/`) + folder.length);
    const require = createRequire(entry);
    const { dependencies = {}, optionalDependencies = {} } = require(`${root}/package.json`) as {
      readonly dependencies?: object;
      readonly optionalDependencies?: object;
    };
    const needed = Object.keys(dependencies).map((each) => directoryOf(require, each));
    const native = Object.keys(optionalDependencies).map((each) => directoryOf(require, each));
    if (needed.includes(undefined) || native.every((each) => each === undefined)) return [];
    const others = [...needed, ...native].filter((each) => each !== undefined);
    return [{ name: imageLibraryName, directory: root }, ...others];
  } catch {
    return [];
  }
}

/** The directory of an installed package, by its place: some do not export their manifest. */
function directoryOf(require: NodeJS.Require, name: string): ImageLibrary | undefined {
  const directory = (require.resolve.paths(name) ?? [])
    .map((path) => join(path, name))
    .find((path) => existsSync(join(path, "package.json")));
  return directory === undefined ? undefined : { name, directory };
}
