/**
 * Main process in the jail of one step of an environment: the forwarder to the egress socket if there is one, and the
 * shell. Bundled into one file; its only argument is a {@link SetupConfig} as JSON. Exits as the shell does.
 */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { proxyEnvironment, startForwarder } from "@holdfast/guest";
import { withOrigin } from "./origin.ts";

export interface SetupConfig {
  readonly run: string;
  readonly workspace: string;
  /** Unix socket of the egress proxy; absent without network. */
  readonly egress?: string;
  /** Variables of the shell; {@link withOrigin} fills in the address of the forwarder. */
  readonly env: Readonly<Record<string, string>>;
}

const { run, workspace, egress, env } = JSON.parse(process.argv[2] ?? "{}") as SetupConfig;
const forwarder = egress === undefined ? undefined : await startForwarder({ port: 0, socketPath: egress });
const origin = `http://127.0.0.1:${forwarder?.port ?? 0}`;
const shell = spawn("/bin/sh", ["-c", run], {
  cwd: workspace,
  env: {
    ...process.env,
    ...withOrigin(env, origin),
    ...(forwarder === undefined ? {} : proxyEnvironment(origin)),
  },
  stdio: ["ignore", "inherit", "inherit"],
});
shell.once("error", (error) => {
  console.error(`The shell could not be started: ${error.message}`);
  process.exit(127);
});
shell.once("exit", (code, signal) => {
  process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
});
