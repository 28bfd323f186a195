/** Mock model server that plays a script, with the APIs of four providers. */
export { findScript, type Script, type ScriptStep, scriptPrompt } from "./script.ts";
export { type MockModel, type MockModelOptions, type MockRequest, startMockModel } from "./server.ts";
