/** Options of Node with which a program of this repository starts faster: see packages/holdfast/bin/own-imports.js. */
export const ownImports: readonly string[] = [
  "--import",
  new URL("../../holdfast/bin/own-imports.js", import.meta.url).href,
];
