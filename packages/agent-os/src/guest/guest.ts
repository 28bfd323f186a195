/**
 * Main process of a machine: the sandbox server, and the forwarder to the egress socket. Bundled into one file; its
 * only argument is a {@link GuestConfig} as JSON.
 */
import { proxyEnvironment, startForwarder } from "@holdfast/guest";
import {
  agentTable,
  createSandboxServer,
  demoAgent,
  type ModelEndpoint,
  type ModelWire,
} from "@holdfast/sandbox";
import type { GuestConfig } from "./guest-config.ts";

const config = JSON.parse(process.argv[2] ?? "{}") as GuestConfig;
/** An action of the actor bounds each run: a shorter limit in here would end long commands by surprise. */
const maxRunMs = 24 * 3_600_000;

/** Without an await at the top level, so that the bundle need not be ES modules. */
async function main(): Promise<void> {
  const forwarder =
    config.egress === undefined ? undefined : await startForwarder({ port: 0, socketPath: config.egress });
  const origin = `http://127.0.0.1:${forwarder?.port ?? 0}`;

  const models: Partial<Record<ModelWire, ModelEndpoint>> = {};
  for (const { wire, path, apiKey } of config.models) models[wire] = { baseUrl: `${origin}${path}`, apiKey };

  const server = await createSandboxServer({
    listen: { dial: config.control },
    home: config.home,
    cwd: config.cwd,
    agents: agentTable.map((row) => (row.id === "demo" ? demoAgent(config.demoEntry) : row)),
    agentsDirectory: config.agentsDirectory,
    models,
    env: { ...(forwarder === undefined ? {} : proxyEnvironment(origin)), ...config.env },
    jailed: config.jailed,
    preparesCommands: true,
    limits: { maxRunTimeoutMs: maxRunMs, defaultRunTimeoutMs: maxRunMs },
  });

  let isShuttingDown = false;
  const shutDown = () => {
    if (isShuttingDown) return;
    isShuttingDown = true;
    void Promise.all([server.close(), forwarder?.close()]).then(() => process.exit(0));
  };
  process.once("SIGTERM", shutDown);
  // The host owns the other end. Once it is closed, for any reason, nothing here has a purpose.
  process.stdin.resume();
  process.stdin.once("end", shutDown);
  process.stdin.once("error", shutDown);
}

void main();
