/**
 * Runs programs of the compatibility suite, one after the other, as its parent asks for them: each in a directory of
 * its own, and on a cluster with a registry that is a node without actors. Two others run them, in the same process,
 * because programs look at what actors did.
 */
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";
import { systemPorts } from "@holdfast/core";
import type { Definitions } from "@holdfast/server";
import { gatewayEnvironment, TestCluster, testStore } from "@holdfast/testing/backends";
import { type Registry, setup } from "holdfast";

/** What the parent sends. */
export interface ProgramRequest {
  readonly file: string;
  /** For its data. */
  readonly directory: string;
}

/** What it gets back. */
export interface ProgramResult {
  /** Absent when the program ended well. */
  readonly error?: string;
}

interface Program {
  readonly registry: Registry<Definitions>;
  program(endpoint: string): Promise<void>;
}

async function load(file: string): Promise<Program> {
  return (await import(pathToFileURL(file).href)) as Program;
}

/** The program becomes a node by its environment alone. */
async function loadAsNode({
  file,
  directory,
}: ProgramRequest): Promise<{ readonly loaded: Program; stop(): Promise<void> }> {
  const environment = await gatewayEnvironment(directory);
  Object.assign(process.env, environment);
  const loaded = await load(file);
  for (const name of Object.keys(environment)) delete process.env[name];
  const cluster = new TestCluster(directory, systemPorts(), (node) =>
    setup({ ...loaded.registry.config, noWelcome: true, ...node }),
  );
  await cluster.startOwners();
  return { loaded, stop: () => cluster.stopOwners() };
}

async function runProgram(request: ProgramRequest): Promise<void> {
  process.env["HOLDFAST_DATA"] = request.directory;
  const { loaded, stop } =
    testStore === "cluster"
      ? await loadAsNode(request)
      : { loaded: await load(request.file), stop: async () => undefined };
  const listening = await loaded.registry.listen({ host: "127.0.0.1", port: 0 });
  try {
    await loaded.program(listening.url);
  } finally {
    await loaded.registry.shutdown();
    await stop();
  }
}

process.on("message", (request: ProgramRequest) => {
  void runProgram(request).then(
    () => process.send?.({} satisfies ProgramResult),
    (error: unknown) => process.send?.({ error: inspect(error) } satisfies ProgramResult),
  );
});
