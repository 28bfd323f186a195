export { type DialHost, type DialHostOptions, listenForDial } from "./dial.ts";
export { fetchOver, unixAgent } from "./fetch.ts";
