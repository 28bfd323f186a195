import type { Scenario } from "../internal/scenario.ts";
import { machine } from "./machine.ts";
import { firstEvent, prompt } from "./prompts.ts";
import { health, smallFiles } from "./requests.ts";
import { runs } from "./runs.ts";
import { memory, start } from "./start.ts";

export const scenarios: readonly Scenario[] = [
  health,
  smallFiles,
  runs,
  prompt,
  firstEvent,
  start,
  memory,
  machine,
];
