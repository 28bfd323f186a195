/** The model: any with the API of OpenAI. Without a key and an address, a demo that needs neither. */
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import type { LanguageModel } from "ai";
import { demoModel } from "./demo.ts";

const { MODEL, MODEL_KEY, MODEL_URL } = process.env;
const isDemo = MODEL_KEY === undefined && MODEL_URL === undefined;
if (!isDemo && MODEL === undefined)
  throw new Error("MODEL is not set: the name of the model, such as gpt-5-mini");

/** For people: which model answers. */
export const modelName = isDemo ? "demo" : (MODEL ?? "");

export const model: LanguageModel = isDemo
  ? demoModel
  : createOpenAICompatible({
      name: "model",
      baseURL: MODEL_URL ?? "https://api.openai.com/v1",
      apiKey: MODEL_KEY ?? "none",
    })(modelName);
