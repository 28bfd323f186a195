import type { SandboxProvider } from "./provider.ts";
import {
  found,
  gone,
  type Lazy,
  type RemoteMachine,
  type RemoteServerOptions,
  remoteProvider,
  settled,
  vendorError,
  vendorModule,
} from "./remote.ts";

interface CommandEnd {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** As much of `@e2b/code-interpreter` as is used. */
export interface E2BSandbox {
  readonly sandboxId: string;
  readonly commands: { run(command: string, options?: { timeoutMs?: number }): Promise<CommandEnd> };
  getHost(port: number): string;
}

export interface E2BModule {
  readonly Sandbox: {
    create(template: string, options: object): Promise<E2BSandbox>;
    connect(id: string, options: object): Promise<E2BSandbox>;
    kill(id: string, options?: object): Promise<boolean>;
    /** From 2.3 on; `betaPause` before. */
    pause?(id: string, options?: object): Promise<boolean>;
    betaPause?(id: string, options?: object): Promise<boolean>;
  };
}

type Connection = Record<string, unknown>;

export interface E2BProviderOptions extends RemoteServerOptions {
  create?: Lazy<Record<string, unknown>>;
  /** Options of the SDK's calls for a sandbox that exists. */
  connect?: Connection | ((sandboxId: string) => Connection | Promise<Connection>);
  /** An image of E2B's; "base" by default. */
  template?: string | (() => string | Promise<string>);
  /** Lifetime in milliseconds; an hour by default. */
  timeoutMs?: number;
  /** At the end of its lifetime a sandbox is paused, and can be taken up again; `false` deletes it. */
  autoPause?: boolean;
  /** The vendor's module; by default the package is loaded. */
  sdk?: E2BModule;
}

/** The SDK throws for a command that ends with anything but 0, and its error is the result. */
function resultOf(error: unknown): CommandEnd {
  if (!(error instanceof Error) || !isCommandEnd(error)) throw error;
  return error;
}

function isCommandEnd(value: object): value is CommandEnd {
  return (
    ["stdout", "stderr"].every((name) => typeof Reflect.get(value, name) === "string") &&
    typeof Reflect.get(value, "exitCode") === "number"
  );
}

/** E2B. `destroy` deletes; `pause` keeps. Tried with its SDK against an emulator, not against the real service. */
export function e2b(options: E2BProviderOptions = {}): SandboxProvider {
  const timeoutMs = options.timeoutMs ?? 3_600_000;
  const sdk = async () => (await vendorModule(options.sdk, "@e2b/code-interpreter")).Sandbox;
  const template = async () =>
    typeof options.template === "function" ? await options.template() : (options.template ?? "base");
  const connection = async (id: string) =>
    typeof options.connect === "function" ? await options.connect(id) : options.connect;
  const machine = (sandbox: E2BSandbox): RemoteMachine => ({
    id: sandbox.sandboxId,
    url: async (port) => `https://${sandbox.getHost(port)}`,
    async run(script) {
      const { exitCode, stdout, stderr } = await sandbox.commands
        .run(script, { timeoutMs: 600_000 })
        .catch(resultOf);
      return { exitCode, output: stdout + stderr };
    },
  });
  return remoteProvider(
    {
      name: "e2b",
      defaultCwd: "/home/user",
      make: async () =>
        machine(
          await (await sdk()).create(await template(), {
            lifecycle: { onTimeout: options.autoPause === false ? "kill" : "pause" },
            ...(await settled(options.create)),
            timeoutMs,
          }),
        ),
      find: async (id) =>
        machine(await found("e2b", id, (await sdk()).connect(id, { ...(await connection(id)), timeoutMs }))),
      destroy: async (id) => await gone((await sdk()).kill(id, await connection(id))),
      async pause(id) {
        const [Sandbox, connect] = [await sdk(), await connection(id)];
        const pausing = Sandbox.pause?.(id, connect) ?? Sandbox.betaPause?.(id, connect);
        if (pausing === undefined) {
          throw vendorError("This version of E2B's SDK cannot pause");
        }
        await found("e2b", id, pausing);
      },
    },
    options,
  );
}
