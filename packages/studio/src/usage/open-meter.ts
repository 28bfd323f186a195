import { join } from "node:path";
import type { Ports } from "@holdfast/core";
import type { Gate } from "@holdfast/gate";
import { UsageJournal } from "./journal.ts";
import { type UsageBackend, UsageMeter } from "./meter.ts";

/** The meter of a data directory. It counts after `start`. Throws `usage.newer_format`. */
export function openMeter({
  dataDirectory,
  ports,
  backend,
  gate,
}: {
  readonly dataDirectory: string;
  readonly ports: Ports;
  readonly backend: UsageBackend;
  readonly gate: Gate;
}): UsageMeter {
  const { clock, tasks, log } = ports;
  return new UsageMeter({
    ...{ clock, tasks, log, backend },
    journal: new UsageJournal(join(dataDirectory, "usage", "journal.db")),
    setPrices: (prices) => gate.prices.replaceEdited(prices),
  });
}
