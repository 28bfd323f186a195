import type { SandboxProvider } from "./provider.ts";
import {
  found,
  gone,
  type Lazy,
  type RemoteMachine,
  type RemoteServerOptions,
  remoteProvider,
  settled,
  vendorModule,
} from "./remote.ts";

/** As much of `@vercel/sandbox` as is used. */
export interface VercelSandbox {
  readonly sandboxId: string;
  runCommand(command: string, args: string[]): Promise<{ exitCode: number; output(): Promise<string> }>;
  domain(port: number): string;
  stop(): Promise<unknown>;
}

export interface VercelModule {
  readonly Sandbox: {
    create(options: object): Promise<VercelSandbox>;
    get(options: { sandboxId: string }): Promise<VercelSandbox>;
  };
}

export interface VercelProviderOptions extends RemoteServerOptions {
  create?: Lazy<Record<string, unknown>>;
  sdk?: VercelModule;
}

/** Vercel Sandbox. Not tried against the real service. */
export function vercel(options: VercelProviderOptions = {}): SandboxProvider {
  const sdk = async () => (await vendorModule(options.sdk, "@vercel/sandbox")).Sandbox;
  const find = async (sandboxId: string) =>
    await found("vercel", sandboxId, (await sdk()).get({ sandboxId }));
  const machine = (sandbox: VercelSandbox): RemoteMachine => ({
    id: sandbox.sandboxId,
    url: async (port) => sandbox.domain(port),
    async run(script) {
      const done = await sandbox.runCommand("sh", ["-c", script]);
      return { exitCode: done.exitCode, output: await done.output() };
    },
  });
  return remoteProvider(
    {
      name: "vercel",
      defaultCwd: "/home/vercel-sandbox",
      async make() {
        const ports = [options.agentPort ?? 3_000];
        return machine(await (await sdk()).create({ ports, ...(await settled(options.create)) }));
      },
      find: async (id) => machine(await find(id)),
      destroy: async (id) => await gone(find(id).then((sandbox) => sandbox.stop())),
    },
    options,
  );
}
