export { findScript, type Script, type ScriptStep, scriptPrompt } from "./script.ts";
export { type MockModel, type MockModelOptions, type MockRequest, startMockModel } from "./server.ts";
