import { HoldfastError, systemRandom, uuidv4, version } from "@holdfast/core";
import { isRecord } from "../internal/http.ts";
import { SandboxDestroyedError } from "../sdk/errors.ts";
import { destroyAfter } from "./left-over.ts";
import type { SandboxProvider } from "./provider.ts";

export interface CommandResult {
  readonly exitCode: number;
  readonly output: string;
}

/** The part of a vendor's machine that a sandbox server needs. */
export interface RemoteMachine {
  readonly id: string;
  /** Runs a line of `sh` to its end. */
  run(script: string): Promise<CommandResult>;
  /** Public URL of a port of the machine. */
  url(port: number): Promise<string>;
}

export interface RemoteServerOptions {
  /** Port of the server on the machine; 3000 by default. */
  agentPort?: number;
  /** `sh` command that installs `holdfast` if it is missing. */
  installCommand?: string;
  /** Command that takes the options of `holdfast sandbox server`. */
  serverCommand?: string;
}

/** Vendor-specific operations. `find` rejects with {@link SandboxDestroyedError} if the machine no longer exists. */
export interface RemoteVendor {
  readonly name: string;
  readonly defaultCwd: string;
  make(): Promise<RemoteMachine>;
  find(id: string): Promise<RemoteMachine>;
  /** Also resolves if the machine no longer exists. */
  destroy(id: string): Promise<void>;
  pause?(id: string): Promise<void>;
}

const defaultPort = 3_000;
/** An npm prefix for users other than root, such as those of most vendors. */
const path = `export PATH="$HOME/.local/bin:$PATH"`;
const install = `${path}; command -v holdfast >/dev/null || npm install --global --prefix "$HOME/.local" --no-audit --no-fund holdfast@${version} @holdfast/sandbox@${version}`;

/**
 * A provider that installs and starts the server by commands. Each machine has its own token in a file that only its
 * user can read, from which another process can obtain it.
 */
export function remoteProvider(vendor: RemoteVendor, options: RemoteServerOptions): SandboxProvider {
  const port = options.agentPort ?? defaultPort;
  const serve = async (machine: RemoteMachine) => {
    const { hostname } = new URL(await machine.url(port));
    await must(machine, startScript(port, hostname, options.serverCommand ?? "holdfast sandbox server"));
  };
  const { pause } = vendor;
  return {
    name: vendor.name,
    defaultCwd: vendor.defaultCwd,
    async create() {
      const machine = await vendor.make();
      try {
        await must(machine, options.installCommand ?? install);
        await serve(machine);
        return machine.id;
      } catch (error) {
        await destroyAfter(error, `${vendor.name}/${machine.id}`, () => vendor.destroy(machine.id));
        throw error;
      }
    },
    destroy: (id) => vendor.destroy(id),
    kill: (id) => vendor.destroy(id),
    ...(pause === undefined ? {} : { pause: (id: string) => pause(id) }),
    reconnect: async (id) => void (await vendor.find(id)),
    ensureServer: async (id) => await serve(await vendor.find(id)),
    getUrl: async (id) => await (await vendor.find(id)).url(port),
    getToken: async (id) => (await must(await vendor.find(id), `cat "$HOME/.holdfast/sandbox-token"`)).trim(),
  };
}

/** Starts the server. If its port is in use, a second server exits by itself. */
function startScript(port: number, hostname: string, command: string): string {
  const token = `${uuidv4(systemRandom)}${uuidv4(systemRandom)}`.replaceAll("-", "");
  const config = JSON.stringify({ allowedHosts: [hostname] });
  const flags = `--host 0.0.0.0 --port ${port} --allow-remote --config "$d/sandbox.json"`;
  return [
    path,
    `umask 077; d="$HOME/.holdfast"; mkdir -p "$d"`,
    `[ -s "$d/sandbox-token" ] || printf %s ${token} > "$d/sandbox-token"`,
    `printf %s ${quoted(config)} > "$d/sandbox.json"`,
    `export HOLDFAST_SANDBOX_TOKEN="$(cat "$d/sandbox-token")"`,
    `nohup ${command} ${flags} > "$d/sandbox.log" 2>&1 < /dev/null &`,
  ].join("\n");
}

async function must(machine: RemoteMachine, script: string): Promise<string> {
  const { exitCode, output } = await machine.run(script);
  if (exitCode === 0) return output;
  throw new HoldfastError(
    "sandbox",
    "remote_command_failed",
    `A command in sandbox "${machine.id}" failed with ${exitCode}: ${output.trim().slice(-2_000)}`,
    { statusCode: 502 },
  );
}

/** Loads the vendor's SDK, an optional peer dependency. `install` is what npm is to be asked for. */
export async function vendorModule<Module>(
  given: Module | undefined,
  name: string,
  install = name,
): Promise<Module> {
  if (given !== undefined) return given;
  try {
    // The types of a vendor's exports are not checked; providers declare the part that they call.
    return (await import(name)) as Module;
  } catch (cause) {
    throw missingSdk(name, install, cause);
  }
}

export function missingSdk(name: string, install: string, cause?: unknown): HoldfastError {
  const message = `This provider needs the package "${name}": npm install ${install}`;
  return new HoldfastError("sandbox", "missing_vendor_sdk", message, { statusCode: 500, cause });
}

/** An option that the vendor does not support. */
export function vendorError(message: string): HoldfastError {
  return new HoldfastError("sandbox", "vendor_error", message, { statusCode: 502 });
}

/** Calls `make` on first use and caches its result; a failure is not cached. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

/** Turns a vendor's "not found" into {@link SandboxDestroyedError}. */
export async function found<T>(vendor: string, id: string, machine: Promise<T>): Promise<T> {
  try {
    return await machine;
  } catch (error) {
    throw isGone(error) ? new SandboxDestroyedError(id, vendor, { cause: error }) : error;
  }
}

/** Also resolves if it no longer exists. */
export async function gone(ending: Promise<unknown>): Promise<void> {
  try {
    await ending;
  } catch (error) {
    if (!(error instanceof SandboxDestroyedError) && !isGone(error)) throw error;
  }
}

/** Vendors say it by a status, their own or that of the response they had, a name or a sentence. */
function isGone(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const response: unknown = Reflect.get(error, "response");
  const own: unknown = Reflect.get(error, "status") ?? Reflect.get(error, "statusCode");
  const status = own ?? (isRecord(response) ? response["status"] : undefined);
  return (
    status === 404 || status === 410 || /not.?found|does not exist/i.test(`${error.name} ${error.message}`)
  );
}

export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Options that are given, or made for each sandbox. */
export type Lazy<T> = T | (() => T | Promise<T>);

export async function settled<T extends object>(lazy: Lazy<T> | undefined): Promise<T | undefined> {
  // An object of options is no function, which the compiler cannot know of any T.
  return typeof lazy === "function" ? await (lazy as () => T | Promise<T>)() : lazy;
}
