import type { Scenario } from "../internal/scenario.ts";
import { callScenario } from "./calls.ts";
import { create, createHttp, wake } from "./cold.ts";
import { database } from "./db.ts";
import { commits, events, hotActor, inProcess } from "./in-process.ts";
import { memory } from "./memory.ts";
import { queues } from "./queue.ts";
import { state } from "./state.ts";
import { store } from "./store.ts";
import { subscribers } from "./subscribers.ts";
import { types } from "./types.ts";
import { recovery, steps } from "./workflow.ts";

export const scenarios: readonly Scenario[] = [
  callScenario("http-1", { transport: "http", callers: 1 }),
  callScenario("http-32", { transport: "http", callers: 32, ofEcho: 0.5, limitsCpu: true }),
  callScenario("websocket-1", { transport: "ws", callers: 1, callMs: 0.3 }),
  callScenario("websocket-32", { transport: "ws", callers: 32, ofEcho: 1 }),
  callScenario("websocket-32-shared", { transport: "ws", callers: 32, callersPerSocket: 32, ofEcho: 1 }),
  inProcess,
  commits,
  hotActor,
  events,
  create,
  createHttp,
  wake,
  memory,
  subscribers,
  queues,
  steps,
  recovery,
  database,
  state,
  types,
  store,
];
