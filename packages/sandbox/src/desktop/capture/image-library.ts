import { createRequire } from "node:module";
import { dirname } from "node:path";
import type * as Sharp from "sharp";

/** Not a literal, so that no bundler includes the library: it loads native code of its own version. */
const name: string = "sharp";

/** A package of the library `sharp`. */
export interface ImageLibrary {
  readonly name: string;
  readonly directory: string;
}

/** Loads the library; throws where it is not installed. */
export function loadImageLibrary(): typeof Sharp.default {
  return createRequire(import.meta.url)(name) as typeof Sharp.default;
}

/**
 * Finds the library with the packages that it needs on this platform; empty where it is not installed. A bundle cannot
 * contain them: to run a bundled server elsewhere, copy them to a `node_modules` folder that Node searches.
 */
export function imageLibrary(): readonly ImageLibrary[] {
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    const root = entry.slice(0, entry.lastIndexOf(`/node_modules/${name}/`) + `/node_modules/${name}`.length);
    const require = createRequire(entry);
    const { dependencies = {}, optionalDependencies = {} } = require(`${root}/package.json`) as {
      readonly dependencies?: object;
      readonly optionalDependencies?: object;
    };
    const needed = Object.keys(dependencies).map((each) => directoryOf(require, each));
    const native = Object.keys(optionalDependencies).map((each) => directoryOf(require, each));
    if (needed.includes(undefined) || native.every((each) => each === undefined)) return [];
    return [{ name, directory: root }, ...[...needed, ...native].filter((each) => each !== undefined)];
  } catch {
    return [];
  }
}

/** The directory of an installed package, by its place: some do not export their manifest. */
function directoryOf(require: NodeJS.Require, dependency: string): ImageLibrary | undefined {
  const paths = require.resolve.paths(dependency) ?? [];
  for (const path of paths) {
    try {
      const manifest = require.resolve(`${path}/${dependency}/package.json`);
      return { name: dependency, directory: dirname(manifest) };
    } catch {}
  }
  return undefined;
}
