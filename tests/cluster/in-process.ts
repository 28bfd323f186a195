/** Nodes within the process of a test, for what can be seen from inside only. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { ActorStore } from "@holdfast/actors";
import { type LogFields, type Logger, systemPorts } from "@holdfast/core";
import { removeAtExit } from "@holdfast/testing/scratch";
import { type Registry, setup } from "holdfast";
import { clusterActors } from "./actors.ts";
import { atEnd } from "./at-end.ts";
import { secret } from "./nodes.ts";

export type ClusterOptions = NonNullable<Parameters<typeof setup>[0]["cluster"]>;

export interface Warning {
  readonly message: string;
  readonly fields: LogFields;
}

export interface InProcessNode {
  readonly registry: Registry<typeof clusterActors>;
  readonly url: string;
  readonly warnings: readonly Warning[];
  stop(): Promise<void>;
}

/** Starts a node, which stops after the test, the last one first. `store` may open one with this directory. */
export async function startInProcess(
  t: TestContext,
  store: string | ((directory: string) => Promise<ActorStore>),
  cluster: ClusterOptions = {},
): Promise<InProcessNode> {
  const warnings: Warning[] = [];
  const dataDirectory = mkdtempSync(join(tmpdir(), "holdfast-node-"));
  removeAtExit(dataDirectory);
  const registry = setup({
    use: clusterActors,
    store: typeof store === "string" ? store : () => store(dataDirectory),
    ...{ dataDirectory, noWelcome: true, httpPort: 0, ports: systemPorts(collecting(warnings)) },
    shutdown: { disableSignalHandlers: true },
    cluster: { advertise: "http://127.0.0.1:0", secret, ttlMs: 2_000, ...cluster },
  });
  atEnd(t, () => registry.shutdown());
  const { url } = await registry.start();
  return { registry, url, warnings, stop: () => registry.shutdown() };
}

function collecting(warnings: Warning[]): Logger {
  const ignore = (): void => undefined;
  const log: Logger = {
    ...{ debug: ignore, info: ignore, error: ignore, child: () => log },
    warn: (message, fields = {}) => void warnings.push({ message, fields }),
  };
  return log;
}
