import type { Scenario } from "../internal/scenario.ts";
import { broker } from "./broker.ts";
import { egress } from "./egress.ts";
import { jailStart } from "./jail-start.ts";
import { sanitizer } from "./sanitizer.ts";

export const scenarios: readonly Scenario[] = [broker, egress, jailStart, sanitizer];
