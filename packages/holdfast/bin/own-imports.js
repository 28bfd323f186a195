// Resolves relative imports between the modules of Holdfast without a look at the file system: what they
// name is there, and neither a link nor a folder. In a checkout, each package of it is searched once, as
// all of its modules find the same. Asked two thousand times, Node's own search takes a third of a start.
import * as nodeModule from "node:module";

// In a checkout the sources, in an installed package what was built of them.
const here = import.meta.url;
const checkout = new URL("../../../", here).href;
const isSource = here.endsWith("/packages/holdfast/bin/own-imports.js");
const built = /\/node_modules\/(?:@holdfast\/[^/]+|holdfast)\/dist\//;
const formats = isSource
  ? { extension: ".ts", format: "module-typescript" }
  : { extension: ".js", format: "module" };

function isOwn(url) {
  return isSource ? url.startsWith(checkout) && !url.includes("/node_modules/") : built.test(url);
}

/** What the packages of the checkout import from each other, by specifier. */
const packages = new Map();

function resolvePackage(specifier, context, next) {
  const known = packages.get(specifier) ?? { ...next(specifier, context), shortCircuit: true };
  packages.set(specifier, known);
  return known;
}

// Older releases of Node lack it, and run nothing but the start of another.
nodeModule.registerHooks?.({
  resolve(specifier, context, next) {
    const { parentURL } = context;
    if (parentURL === undefined || !isOwn(parentURL)) return next(specifier, context);
    if (isSource && specifier.startsWith("@holdfast/")) return resolvePackage(specifier, context, next);
    if (!specifier.startsWith(".") || !specifier.endsWith(formats.extension)) return next(specifier, context);
    return { url: new URL(specifier, parentURL).href, format: formats.format, shortCircuit: true };
  },
});
