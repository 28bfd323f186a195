import type { Scenario } from "../internal/scenario.ts";
import { broker } from "./broker.ts";
import { egress } from "./egress.ts";
import { sanitizer } from "./sanitizer.ts";

export const scenarios: readonly Scenario[] = [broker, egress, sanitizer];
