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

/** As much of `computesdk` as is used. */
export interface ComputeSandbox {
  readonly sandboxId: string;
  runCommand(command: string): Promise<{ exitCode: number; stdout: string; stderr: string }>;
  getUrl(options: { port: number }): Promise<string>;
  getInfo(): Promise<{ status: "running" | "stopped" | "error" }>;
}

export interface ComputeModule {
  readonly compute: {
    readonly sandbox: {
      create(options: object): Promise<ComputeSandbox>;
      getById(id: string): Promise<ComputeSandbox | null>;
      destroy(id: string): Promise<void>;
    };
  };
}

export interface ComputeSdkProviderOptions extends RemoteServerOptions {
  /**
   * Handed to the configured vendor. Its `ports` are the server's alone by default, in place of those that the vendor
   * was configured with; Blaxel's have another form: `[{ target: 3000, protocol: "HTTP" }]`.
   */
  create?: Lazy<Record<string, unknown>>;
  /** Working directory of sessions that name none: "/root" by default, which not every vendor's machines have. */
  cwd?: string;
  /** Lifetime in milliseconds, at vendors that have one; 45 minutes by default. */
  timeoutMs?: number;
  /** By default the package, as `compute.setConfig` has configured it. */
  sdk?: ComputeModule;
}

const defaultTimeoutMs = 45 * 60_000;

/**
 * ComputeSDK 4 and later, over whatever it is configured for. Tried with the SDK 4.1.4 and its own provider for Modal
 * against a local emulator of Modal's API, not against a real service.
 */
export function computesdk(options: ComputeSdkProviderOptions = {}): SandboxProvider {
  const sdk = async () => (await vendorModule(options.sdk, "computesdk")).compute.sandbox;
  const machine = (sandbox: ComputeSandbox): RemoteMachine => ({
    id: sandbox.sandboxId,
    url: (port) => sandbox.getUrl({ port }),
    async run(script) {
      const { exitCode, stdout, stderr } = await sandbox.runCommand(script);
      return { exitCode, output: stdout + stderr };
    },
  });
  return remoteProvider(
    {
      name: "computesdk",
      defaultCwd: options.cwd ?? "/root",
      async make() {
        const ports = [options.agentPort ?? 3_000];
        const usual = { ports, timeout: options.timeoutMs ?? defaultTimeoutMs };
        return machine(await (await sdk()).create({ ...usual, ...(await settled(options.create)) }));
      },
      async find(id) {
        const looking = (await sdk()).getById(id).then(async (sandbox) => {
          if (sandbox === null || !(await answers(sandbox))) throw new Error(`sandbox ${id} not found`);
          return sandbox;
        });
        return machine(await found("computesdk", id, looking));
      },
      async destroy(id) {
        const sandboxes = await sdk();
        const ending = sandboxes.destroy(id).catch(async (error: unknown) => {
          // The SDK puts what each vendor says into one sentence, whatever it is.
          if ((await sandboxes.getById(id)) !== null) throw error;
        });
        await gone(ending);
      },
    },
    options,
  );
}

/** Some vendors still list ended sandboxes, and some restart a stopped one when a command arrives. */
async function answers(sandbox: ComputeSandbox): Promise<boolean> {
  const { status } = await sandbox.getInfo();
  return status === "running" || (await sandbox.runCommand("true")).exitCode === 0;
}
