// Resolves relative imports between the modules of Holdfast without a look at the file system: what they
// name is there, and neither a link nor a folder. In a checkout, each package of it is searched once, as
// all of its modules find the same. Asked two thousand times, Node's own search takes a third of a start.
// The modules of a checkout come without their types.
import { existsSync } from "node:fs";
import * as nodeModule from "node:module";

// In a checkout the sources, in an installed package what was built of them.
const here = import.meta.url;
const checkout = new URL("../../../", here).href;
const isSource = existsSync(new URL("../src", here));
const built = /\/node_modules\/(?:@holdfast\/[^/]+|holdfast)\/dist\//;
const formats = isSource
  ? { extension: ".ts", format: "module-typescript" }
  : { extension: ".js", format: "module" };

/** Folders of own modules by URL, with the slash at their end; empty for the modules of others. */
const folders = new Map();

function folderOf(url) {
  const known = folders.get(url);
  if (known !== undefined) return known;
  const isOwn = isSource ? url.startsWith(checkout) && !url.includes("/node_modules/") : built.test(url);
  const folder = isOwn ? url.slice(0, url.lastIndexOf("/") + 1) : "";
  folders.set(url, folder);
  return folder;
}

/** As `new URL(specifier, folder)`, for what begins with "./" or "../": asked five thousand times in a start. */
function join(folder, specifier) {
  let at = specifier.startsWith("./") ? 2 : 0;
  let base = folder;
  while (specifier.startsWith("../", at)) {
    at += 3;
    base = base.slice(0, base.lastIndexOf("/", base.length - 2) + 1);
  }
  return base + specifier.slice(at);
}

/** Stands in for `node:http`. */
const nodeHttp = { url: new URL("node-http.js", here).href, format: "module", shortCircuit: true };

/** What the packages of the checkout import from each other, by specifier. */
const packages = new Map();

function resolvePackage(specifier, context, next) {
  const known = packages.get(specifier) ?? { ...next(specifier, context), shortCircuit: true };
  packages.set(specifier, known);
  return known;
}

const load = isSource
  ? (await import("./checkout-sources.js")).loadStripped(
      new URL(".cache/sources.stripped", checkout),
      checkout,
    )
  : undefined;

// Older releases of Node lack it, and run nothing but the start of another.
nodeModule.registerHooks?.({
  resolve(specifier, context, next) {
    const { parentURL } = context;
    const folder = parentURL === undefined ? "" : folderOf(parentURL);
    if (folder === "") return next(specifier, context);
    if (specifier === "node:http") return nodeHttp;
    if (specifier.startsWith("node:")) return { url: specifier, format: "builtin", shortCircuit: true };
    if (isSource && specifier.startsWith("@holdfast/")) return resolvePackage(specifier, context, next);
    if (!specifier.startsWith(".") || !specifier.endsWith(formats.extension)) return next(specifier, context);
    return { url: join(folder, specifier), format: formats.format, shortCircuit: true };
  },
  ...(load && { load }),
});
