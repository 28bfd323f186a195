// In a checkout: modules without their types, from one file that tools/strip-sources.ts writes. Otherwise Node
// reads each module, and then what it has kept of it, which is a quarter of a start. A module that has
// changed since is read as it is.
import { openSync, readSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * The hook for `registerHooks`; undefined where nothing was kept. The file at `path` begins with the length of
 * its index in 4 bytes, little endian. The index is JSON: by the path of a module below `rootUrl` the
 * time of its last change in milliseconds, its size, and the place and length of its text after the index, all in bytes.
 */
export function loadStripped(path, rootUrl) {
  const kept = open(path);
  if (kept === undefined) return undefined;
  const { file, modules, textsAt } = kept;
  const rootPath = fileURLToPath(rootUrl);
  return (url, context, next) => {
    const name = url.startsWith(rootUrl) ? url.slice(rootUrl.length) : undefined;
    const module = name === undefined ? undefined : modules[name];
    if (module === undefined) return next(url, context);
    const [changedAt, size, place, length] = module;
    const stat = statSync(rootPath + name, { throwIfNoEntry: false });
    if (stat?.mtimeMs !== changedAt || stat.size !== size) return next(url, context);
    const source = read(file, textsAt + place, length).toString();
    return { format: "module", source, shortCircuit: true };
  };
}

function open(path) {
  try {
    const file = openSync(path);
    const length = read(file, 0, 4).readUInt32LE();
    const modules = JSON.parse(read(file, 4, length).toString());
    return { file, modules, textsAt: 4 + length };
  } catch {
    // Nothing was kept, or nothing that can be read.
    return undefined;
  }
}

function read(file, position, length) {
  const bytes = Buffer.alloc(length);
  readSync(file, bytes, 0, length, position);
  return bytes;
}
