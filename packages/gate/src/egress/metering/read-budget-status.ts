import { existsSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "@holdfast/core";
import { requireDataDirectory } from "../../data-directory.ts";
import { loadEgressConfig } from "../egress-config.ts";
import type { BudgetStatus } from "./budget.ts";
import { BudgetLedger } from "./budget-ledger.ts";

/**
 * The state of the budgets of a data directory, for commands; a gate may be running on it. Reservations of running calls
 * are not included: only that gate knows them. Throws `egress.invalid_config`, `gate.invalid_config`.
 */
export async function readBudgetStatus(dataDir: string): Promise<readonly BudgetStatus[]> {
  const directory = requireDataDirectory(dataDir, "readBudgetStatus");
  const path = join(directory, "gate", "usage.db");
  const { budgets } = await loadEgressConfig(directory);
  if (!existsSync(path)) return [];
  const ledger = BudgetLedger.read(path, systemClock, budgets);
  try {
    return ledger.status();
  } finally {
    ledger.close();
  }
}
