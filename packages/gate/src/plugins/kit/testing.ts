/** The test kit of plugin authors, with the conformance suite. @module */
export * from "../runtime/testing.ts";
export { type ConformanceOptions, describePluginConformance } from "./conformance.ts";
