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

/** As much of `@e2b/code-interpreter` as is used. */
export interface E2BSandbox {
  readonly sandboxId: string;
  readonly commands: {
    run(
      command: string,
      options?: { timeoutMs?: number },
    ): Promise<{ exitCode: number; stdout: string; stderr: string }>;
  };
  getHost(port: number): string;
}

export interface E2BModule {
  readonly Sandbox: {
    create(template: string, options: object): Promise<E2BSandbox>;
    connect(id: string, options: object): Promise<E2BSandbox>;
    kill(id: string, options?: object): Promise<boolean>;
    betaPause?(id: string, options?: object): Promise<boolean>;
  };
}

export interface E2BProviderOptions extends RemoteServerOptions {
  create?: Lazy<Record<string, unknown>>;
  connect?: Record<string, unknown>;
  /** An image of E2B's; "base" by default. */
  template?: string;
  /** Lifetime in milliseconds; an hour by default. */
  timeoutMs?: number;
  /** The vendor's module; by default the package is loaded. */
  sdk?: E2BModule;
}

/** E2B. `destroy` deletes; `pause` keeps. Not tried against the real service. */
export function e2b(options: E2BProviderOptions = {}): SandboxProvider {
  const timeoutMs = options.timeoutMs ?? 3_600_000;
  const sdk = async () => (await vendorModule(options.sdk, "@e2b/code-interpreter")).Sandbox;
  const machine = (sandbox: E2BSandbox): RemoteMachine => ({
    id: sandbox.sandboxId,
    url: async (port) => `https://${sandbox.getHost(port)}`,
    async run(script) {
      const { exitCode, stdout, stderr } = await sandbox.commands.run(script, { timeoutMs: 600_000 });
      return { exitCode, output: stdout + stderr };
    },
  });
  return remoteProvider(
    {
      name: "e2b",
      defaultCwd: "/home/user",
      make: async () =>
        machine(
          await (await sdk()).create(options.template ?? "base", {
            ...(await settled(options.create)),
            timeoutMs,
          }),
        ),
      find: async (id) =>
        machine(await found("e2b", id, (await sdk()).connect(id, { ...options.connect, timeoutMs }))),
      destroy: async (id) => await gone((await sdk()).kill(id, options.connect)),
      async pause(id) {
        const Sandbox = await sdk();
        await (Sandbox.betaPause?.(id, options.connect) ?? Sandbox.kill(id, options.connect));
      },
    },
    options,
  );
}
