/** Services of an environment: commands that run beside the agent, in its jail, for as long as that runs. */
import { isHoldfastError, type Logger } from "@holdfast/core";
import type { SandboxAgent } from "@holdfast/sandbox-client";
import type { EnvironmentService } from "./environment.ts";

export interface ServicesOptions {
  /** Reaches the sandbox server in the jail. */
  readonly fetch: typeof globalThis.fetch;
  readonly services: readonly EnvironmentService[];
  readonly variables: Readonly<Record<string, string>>;
  /** Path of the workspace in the jail. */
  readonly cwd: string;
  /** Called for each service that ends while the jail runs, with what it wrote last. */
  readonly onEnd: (name: string, exitCode: number | null, output: string) => void;
}

export interface RunningServices {
  /** Reports no more ends. The services end with their jail. */
  close(): void;
}

const maxOutput = 500;

/** Starts them in the order of the file. None is waited for: a service that is needed at once is asked again by who needs it. */
export async function startServices({
  fetch,
  services,
  variables,
  cwd,
  onEnd,
}: ServicesOptions): Promise<RunningServices> {
  const closings: (() => void)[] = [];
  // Loaded here: a Studio starts faster without it.
  const { SandboxAgent } = await import("@holdfast/sandbox-client");
  const client = await SandboxAgent.connect({ baseUrl: "http://sandbox", fetch, skipHealthCheck: true });
  let isClosed = false;
  for (const { name, run } of services) {
    const { id } = await client.createProcess({
      ...{ command: "/bin/sh", args: ["-c", run], cwd, env: { ...variables } },
    });
    let output = "";
    const logs = await client.followProcessLogs(id, ({ data, encoding }) => {
      const text = encoding === "base64" ? Buffer.from(data, "base64").toString("utf8") : data;
      output = `${output}${text}`.slice(-maxOutput);
    });
    closings.push(() => logs.close());
    void logs.closed.then(async () => {
      const exitCode = isClosed ? undefined : await exitCodeOf(client, id);
      if (exitCode !== undefined && !isClosed) onEnd(name, exitCode, output.trim());
    });
  }
  return {
    close() {
      isClosed = true;
      for (const close of closings) close();
    },
  };
}

/** Undefined while it runs, and when the jail is gone. */
async function exitCodeOf(client: SandboxAgent, id: string): Promise<number | null | undefined> {
  try {
    const { status, exitCode = null } = await client.getProcess(id);
    return status === "exited" ? exitCode : undefined;
  } catch (error) {
    if (isHoldfastError(error) || error instanceof TypeError) return undefined;
    throw error;
  }
}

/** Notes in the log of a session that a service has ended. */
export function noteServiceEnd(
  note: (text: string, key: string) => Promise<void>,
  log: Logger,
): ServicesOptions["onEnd"] {
  return (name, exitCode, output) => {
    const how = exitCode === null ? "" : ` with exit code ${exitCode}`;
    note(`The service ${name} has ended${how}. ${output}`.trim(), `service/${name}`).catch((error: unknown) =>
      log.warn("could not note the end of a service", { service: name, error }),
    );
  };
}
