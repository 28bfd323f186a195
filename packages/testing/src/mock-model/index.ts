/** A model server that answers from a script, in four wires. */
export { findScript, type Script, type ScriptStep, scriptPrompt } from "./script.ts";
export { type MockModel, type MockModelOptions, type MockRequest, startMockModel } from "./server.ts";
