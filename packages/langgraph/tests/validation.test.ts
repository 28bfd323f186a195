/** The suite of LangGraph for checkpointers, on a registry in this process. */
import "./validation-globals.ts";
import { after } from "node:test";
import { deltaChannelHistoryTests, validate } from "@langchain/langgraph-checkpoint-validation";
import { HoldfastSaver } from "../src/index.ts";
import { dataDirectory, openRegistry } from "./support.ts";

const registry = openRegistry(dataDirectory());
after(() => registry.shutdown());

const initializer = {
  checkpointerName: "@holdfast/langgraph",
  createCheckpointer: () => new HoldfastSaver(registry.client),
  // A list without a thread shows what other suites have left.
  destroyCheckpointer: async () => void (await registry.client.langGraphThread.destroyMany()),
};
validate(initializer);
deltaChannelHistoryTests(initializer);
