/** The shared state of gates, as actors in this process over a store in memory. */
import { randomBytes } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { ClientBase } from "@holdfast/client";
import { type Clock, type Logger, silentLogger, systemClock, systemPorts } from "@holdfast/core";
import {
  ClusterKeys,
  createGate,
  type Gate,
  type GateConfig,
  type SharedGate,
  type ToolOutcome,
} from "@holdfast/gate";
import { createRegistry } from "@holdfast/server";
import { createMemoryStore } from "@holdfast/test-kit/memory-store";
import { removeAtExit } from "@holdfast/testing/scratch";
import { createGateActors } from "../../packages/studio/src/gate-state/actors.ts";
import { LocalGate } from "../../packages/studio/src/gate-state/local-gate.ts";
import { createSharedGate } from "../../packages/studio/src/gate-state/shared-gate.ts";

export const newKey = () => randomBytes(32).toString("base64");

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-gates-"));
  removeAtExit(directory);
  return directory;
}

export interface SharedState {
  /** The ports of a node with these keys. */
  of(node: string, keys?: string, log?: Logger): SharedGate;
  readonly client: ClientBase;
}

/** Starts the actors. `clock` is that of the node that runs them. */
export function openSharedState(t: TestContext, clock: Clock = systemClock): SharedState {
  const ports = systemPorts(silentLogger);
  const gate = new LocalGate();
  const registry = createRegistry({
    use: createGateActors({ clock }, gate),
    store: () => createMemoryStore({ ports }),
    ports,
  });
  t.after(() => registry.shutdown());
  const common = newKey();
  const { client } = registry;
  return {
    client,
    of: (node, keys = common, log = silentLogger) =>
      createSharedGate({
        node,
        keys: ClusterKeys.parse(keys),
        client: () => client,
        gate,
        groups: () => ["alpha", "beta"],
        log,
      }),
  };
}

/** A gate without jails, which has joined the others. */
export async function openNode(
  t: TestContext,
  shared: SharedGate,
  config: Partial<GateConfig> = {},
): Promise<Gate> {
  const gate = await createGate({
    dataDir: temporaryDirectory(),
    jails: { driver: "none", allowUnsafe: true },
    vault: { env: {}, logins: false },
    shared,
    ...config,
  });
  t.after(() => gate.close());
  await gate.join();
  return gate;
}

/** Waits for something that happens by itself. */
export async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`${what} did not happen`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A call of a plugin's tool. */
export interface ToolRequest {
  readonly tool: string;
  readonly args?: Readonly<Record<string, unknown>>;
  readonly group?: string;
  readonly session?: string;
}

/** Calls a plugin's tool, as the broker does after its checks. */
export async function callTool(
  gate: Gate,
  { tool: name, args = {}, group = "alpha", session = "s" }: ToolRequest,
): Promise<ToolOutcome> {
  const tool = gate.plugins.tools().find((each) => each.name === name);
  if (tool === undefined) throw new Error(`There is no tool ${name}`);
  return gate.plugins.invoke({
    ...{ tool, arguments: args, correlation: "c" },
    principal: { jailId: "j", session, group },
    signal: new AbortController().signal,
  });
}
