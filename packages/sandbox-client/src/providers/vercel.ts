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
  readonly name: string;
  runCommand(command: string, args: string[]): Promise<{ exitCode: number; output(): Promise<string> }>;
  domain(port: number): string;
  stop(): Promise<unknown>;
  delete(options: { deleteOrphanSnapshots: boolean }): Promise<void>;
}

export interface VercelModule {
  readonly Sandbox: {
    create(options: object): Promise<VercelSandbox>;
    get(options: { name: string; resume: boolean }): Promise<VercelSandbox>;
  };
}

export interface VercelProviderOptions extends RemoteServerOptions {
  create?: Lazy<Record<string, unknown>>;
  /**
   * What every call to the SDK gets: `token`, `teamId` and `projectId` where no OIDC token is around,
   * which the SDK takes by itself.
   */
  client?: { token?: string; teamId?: string; projectId?: string; fetch?: typeof globalThis.fetch };
  /** Working directory of sessions that name none; the SDK's own, "/vercel/sandbox", by default. */
  cwd?: string;
  /**
   * Milliseconds until the vendor stops a sandbox; 45 minutes by default, the maximum of every plan. A stopped sandbox
   * keeps its files.
   */
  timeoutMs?: number;
  sdk?: VercelModule;
}

const defaultTimeoutMs = 45 * 60_000;

/**
 * Vercel Sandbox, by `@vercel/sandbox` 2 and later, whose sandboxes have names: that is the id. `pause` stops, and
 * the vendor keeps the files of a sandbox that is not created with `persistent: false`; `destroy` deletes it with
 * its snapshots. Tried with the SDK 3.5.0 against a local emulator of its API, not against the real service.
 */
export function vercel(options: VercelProviderOptions = {}): SandboxProvider {
  const sdk = async () => (await vendorModule(options.sdk, "@vercel/sandbox")).Sandbox;
  const find = async (name: string, resume: boolean) =>
    await found("vercel", name, (await sdk()).get({ ...options.client, name, resume }));
  const machine = (sandbox: VercelSandbox): RemoteMachine => ({
    id: sandbox.name,
    url: async (port) => sandbox.domain(port),
    async run(script) {
      const done = await sandbox.runCommand("sh", ["-c", script]);
      return { exitCode: done.exitCode, output: await done.output() };
    },
  });
  return remoteProvider(
    {
      name: "vercel",
      defaultCwd: options.cwd ?? "/vercel/sandbox",
      async make() {
        const usual = { ports: [options.agentPort ?? 3_000], timeout: options.timeoutMs ?? defaultTimeoutMs };
        const given = { ...options.client, ...(await settled(options.create)) };
        return machine(await (await sdk()).create({ ...usual, ...given }));
      },
      find: async (id) => machine(await find(id, true)),
      destroy: async (id) =>
        await gone(find(id, false).then((sandbox) => sandbox.delete({ deleteOrphanSnapshots: true }))),
      pause: async (id) => void (await (await find(id, false)).stop()),
    },
    options,
  );
}
