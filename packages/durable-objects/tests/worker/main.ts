import { silentLogger } from "@holdfast/core";
import { createHandler } from "@holdfast/durable-objects";
import { registry } from "./registry.ts";

const { fetch, HoldfastActor } = createHandler(registry, { log: silentLogger });

export { HoldfastActor };
export default { fetch };
