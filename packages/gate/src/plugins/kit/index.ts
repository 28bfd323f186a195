/** Tools for plugin authors: check, test and scaffold. @module */
export { type ConformanceCheck, type ConformanceOptions, runConformance } from "./conformance.ts";
export { type ListOptions, listPlugins, type PluginReport, validatePlugin } from "./inspect.ts";
export { createPlugin, type ScaffoldOptions } from "./scaffold.ts";
