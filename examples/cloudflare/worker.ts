import { createHandler } from "@holdfast/durable-objects";
import { actors } from "./actors.ts";

const { fetch, HoldfastActor } = createHandler({ use: actors });

export { HoldfastActor };
export default { fetch };
