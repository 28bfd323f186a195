import type { Workload, World } from "../world.ts";
import { counters } from "./counters.ts";

export const allWorkloads: readonly { readonly name: string; make(world: World): Workload }[] = [
  { name: "counters", make: counters },
];
