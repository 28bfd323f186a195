import type { BackendHost } from "../host.ts";
import { countActive } from "../tasks/rows.ts";
import type { TaskDatabase } from "../tasks/schema.ts";
import type { BillingContext } from "./sync.ts";

/** Throws `billing.limit_reached` if the plan of the organization allows no new task. */
export async function requirePlan(
  host: Pick<BackendHost, "billing">,
  c: Pick<BillingContext, "key" | "client"> & { readonly db: TaskDatabase },
): Promise<void> {
  if (host.billing === undefined) return;
  const call = { name: "internal.requireTask", args: [countActive(c.db)] };
  await c
    .client()
    .getOrCreate("billing", [c.key[0] ?? ""])
    .action(call);
}
