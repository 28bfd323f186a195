/**
 * Main process inside a jail: the forwarder to the egress socket, the connection to the gate and the sandbox server.
 * Bundled into one file; its only argument is a {@link GuestConfig} as JSON.
 */
import { type LocalTools, proxyEnvironment, startForwarder, startGateGuest } from "@holdfast/guest";
import {
  type AgentRow,
  agentTable,
  createSandboxServer,
  customAgent,
  demoAgent,
  type ModelEndpoint,
  type ModelWire,
  type SandboxServer,
} from "@holdfast/sandbox";
import { linkAgentSkills } from "./agent-skills.ts";
import type { GuestConfig } from "./guest-config.ts";
import { withOrigin } from "./origin.ts";

const config = JSON.parse(process.argv[2] ?? "{}") as GuestConfig;

const forwarder =
  config.egress === undefined ? undefined : await startForwarder({ port: 0, socketPath: config.egress });

/** Tools of the desktop, from the sandbox server, which starts after the gate's part. */
const started = Promise.withResolvers<SandboxServer>();
const desktopTools: LocalTools = {
  list: async () => {
    const { tools } = await (await started.promise).desktopTools();
    return tools.filter(({ name }) => config.desktop?.includes(name));
  },
  call: async (name, args) => (await (await started.promise).desktopTools()).call(name, args),
};

const gate =
  config.gate === undefined
    ? undefined
    : await startGateGuest({
        gate: config.gate.directory,
        directory: config.gate.local,
        version: config.gate.version,
        skills: config.gate.skills,
        ...(config.desktop !== undefined ? { localTools: desktopTools } : {}),
      });

if (config.agentSkills !== undefined) {
  const { agent, directory } = config.agentSkills;
  await linkAgentSkills(config.home, agent, directory).catch((error: unknown) => {
    // In a read-only home, the agent works without skills.
    console.error("could not link the skills of plugins", error);
  });
}

const models: Partial<Record<ModelWire, ModelEndpoint>> = {};
for (const { wire, path, apiKey, model } of config.models) {
  const baseUrl = `http://127.0.0.1:${forwarder?.port ?? 0}${path}`;
  models[wire] = { baseUrl, apiKey, ...(model === undefined ? {} : { model }) };
}

const proxies =
  config.tunnels === true && forwarder !== undefined
    ? proxyEnvironment(`http://127.0.0.1:${forwarder.port}`)
    : {};

function resolveRow(row: AgentRow): AgentRow {
  if (row.id === "demo") return demoAgent(config.demoEntry);
  const command = config.commands[row.id];
  return command === undefined ? row : { ...row, command };
}

const server = await createSandboxServer({
  listen: { dial: config.control },
  home: config.home,
  cwd: config.workspace,
  agents: [...agentTable.map(resolveRow), ...config.customAgents.map(customAgent)],
  agentsDirectory: config.agentsDirectory,
  models,
  env: {
    ...config.env,
    ...withOrigin(config.originEnv ?? {}, `http://127.0.0.1:${forwarder?.port ?? 0}`),
    ...proxies,
  },
  jailed: config.jailed,
  desktop: {
    ...(forwarder === undefined ? {} : { proxy: `http://127.0.0.1:${forwarder.port}` }),
    ...(config.authority === undefined ? {} : { authority: config.authority }),
  },
});
started.resolve(server);

let isShuttingDown = false;

function shutDown(): void {
  if (isShuttingDown) return;
  isShuttingDown = true;
  void Promise.all([server.close(), forwarder?.close(), gate?.close()]).then(() => process.exit(0));
}

process.once("SIGTERM", shutDown);
// The host owns the other end. Once it is closed, for any reason, nothing here has a purpose.
process.stdin.resume();
process.stdin.once("end", shutDown);
process.stdin.once("error", shutDown);
