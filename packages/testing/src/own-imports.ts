/** Options of Node with which a program of this repository starts faster: see packages/holdfast/bin/own-imports.js. */
export const ownImports: readonly string[] = [
  "--import",
  new URL("../../holdfast/bin/own-imports.js", import.meta.url).href,
];

/** For a process of this repository that gets an environment of its own: where a run of the tests keeps compiled modules. */
export const compileCache: Readonly<Record<string, string>> =
  process.env["NODE_COMPILE_CACHE"] === undefined
    ? {}
    : { NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] };
