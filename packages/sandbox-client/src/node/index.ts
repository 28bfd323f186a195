/** Code that needs Node: local processes and the `local` provider. @module */
export { type DialHost, type DialHostOptions, listenForDial } from "./dial.ts";
export { fetchOver, unixAgent } from "./fetch.ts";
export { removeTree } from "./remove-tree.ts";
