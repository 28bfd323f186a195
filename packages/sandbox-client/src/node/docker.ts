import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { HoldfastError } from "@holdfast/core";
import { isRecord } from "../internal/http.ts";
import { destroyAfter } from "../providers/left-over.ts";
import type { SandboxProvider } from "../providers/provider.ts";
import { SandboxDestroyedError } from "../sdk/errors.ts";
import { EngineApi, engineStatus } from "./engine-api.ts";

type Lazy<T> = T | (() => T | Promise<T>);

export interface DockerProviderOptions {
  /**
   * An image with the command `holdfast`, pulled if missing. By default "holdfast/sandbox:latest", which is built from
   * `deploy/image/sandbox/Containerfile` and never pulled: anybody could register that name.
   */
  image?: string;
  /** Address of this machine on which the port is published; 127.0.0.1 by default, and only there. */
  host?: string;
  /** Port of the server in the container; 2468 by default. */
  agentPort?: number;
  /** `NAME=value` */
  env?: Lazy<string[]>;
  /** `/host/path:/container/path[:ro]` */
  binds?: Lazy<string[]>;
  /** Merged into the body of the Engine API's `POST /containers/create`. */
  createContainerOptions?: Record<string, unknown>;
  /** Program and arguments of the server; `["holdfast", "sandbox", "server"]` by default. */
  command?: readonly string[];
  /** By default that of `DOCKER_HOST` (`unix://...`), then the engine's own. */
  socketPath?: string;
  /** Working directory of sessions that name none; "/" by default. */
  cwd?: string;
}

const defaultImage = "holdfast/sandbox:latest";
const defaultHost = "127.0.0.1";
const tokenLabel = "dev.holdfast.sandbox-token";
/** A server that exits twice within this time is not restarted again. */
const restartWithinMs = 30_000;
const logLines = 20;

/**
 * A sandbox server in a Docker container. Each has its own token and a random port on `host` only. The token is a
 * label of the container, so that another process can reuse it: users of the engine's socket are root on this machine
 * anyway.
 */
export function docker(options: DockerProviderOptions = {}): SandboxProvider {
  return containerProvider("docker", options, () => [dockerHost(), "/var/run/docker.sock"]);
}

/** The same with Podman, as root or as a user, with `podman system service` (or `podman.socket`) running. */
export function podman(options: DockerProviderOptions = {}): SandboxProvider {
  const own = `/run/user/${process.getuid?.() ?? 0}/podman/podman.sock`;
  return containerProvider("podman", options, () => [containerHost(), own, "/run/podman/podman.sock"]);
}

function containerProvider(
  name: string,
  options: DockerProviderOptions,
  sockets: () => (string | undefined)[],
): SandboxProvider {
  let api: EngineApi | undefined;
  const engine = (): EngineApi => {
    api ??= new EngineApi(options.socketPath ?? firstSocket(sockets()));
    return api;
  };
  const port = options.agentPort ?? 2_468;
  const host = options.host ?? defaultHost;
  /** When the server of a container was last found ended, in milliseconds since the epoch. */
  const restarts = new Map<string, number>();
  /** Throws {@link SandboxDestroyedError} if the container no longer exists. */
  const inspect = async (id: string): Promise<Record<string, unknown>> => {
    try {
      const found = await engine().call("GET", `/containers/${encodeURIComponent(id)}/json`);
      return isRecord(found) ? found : {};
    } catch (error) {
      throw engineStatus(error) === 404 ? new SandboxDestroyedError(id, name, { cause: error }) : error;
    }
  };
  const start = async (id: string) => {
    await engine().call("POST", `/containers/${encodeURIComponent(id)}/start`);
  };
  const remove = async (id: string) => {
    restarts.delete(id);
    try {
      await engine().call("DELETE", `/containers/${encodeURIComponent(id)}?force=true&v=true`);
    } catch (error) {
      // 409: the engine is about to remove it already.
      if (engineStatus(error) !== 404 && engineStatus(error) !== 409) throw error;
    }
  };
  return {
    name,
    defaultCwd: options.cwd ?? "/",
    async create() {
      const id = await createContainer(engine(), options, port);
      try {
        await start(id);
      } catch (error) {
        await destroyAfter(error, `${name}/${id}`, () => remove(id));
        throw error;
      }
      return id;
    },
    destroy: remove,
    kill: remove,
    async pause(id) {
      await inspect(id);
      await engine().call("POST", `/containers/${encodeURIComponent(id)}/stop?t=5`);
    },
    async reconnect(id) {
      const { State } = await inspect(id);
      if (!isRecord(State) || State.Running !== true) await start(id);
    },
    async ensureServer(id) {
      const { State } = await inspect(id);
      if (isRecord(State) && State.Running === true) return;
      const last = restarts.get(id);
      // Without this limit, a server that exits immediately each time would be awaited forever.
      if (last !== undefined && Date.now() - last < restartWithinMs)
        throw await endedError(engine(), id, State);
      restarts.set(id, Date.now());
      await start(id);
    },
    async getUrl(id) {
      const { NetworkSettings } = await inspect(id);
      const ports = isRecord(NetworkSettings) ? NetworkSettings.Ports : undefined;
      const bindings = isRecord(ports) ? ports[`${port}/tcp`] : undefined;
      const [binding] = Array.isArray(bindings) ? bindings : [];
      if (isRecord(binding) && typeof binding.HostPort === "string")
        return `http://${host.includes(":") ? `[${host}]` : host}:${binding.HostPort}`;
      throw new SandboxDestroyedError(id, name, { cause: new Error("the container publishes no port") });
    },
    async getToken(id) {
      const { Config } = await inspect(id);
      const labels = isRecord(Config) ? Config.Labels : undefined;
      const token = isRecord(labels) ? labels[tokenLabel] : undefined;
      return typeof token === "string" ? token : undefined;
    },
  };
}

/** Describes why the server in a container is not running: its exit code and the end of its output. */
async function endedError(engine: EngineApi, id: string, state: unknown): Promise<HoldfastError> {
  const { ExitCode, Error: why } = isRecord(state) ? state : {};
  const query = `stdout=true&stderr=true&tail=${logLines}`;
  const log = plainLog(
    String(await engine.call("GET", `/containers/${encodeURIComponent(id)}/logs?${query}`)),
  );
  const said = [why, log].filter((text) => typeof text === "string" && text !== "").join(": ");
  const message = `The sandbox server did not start: its container ended with exit code ${ExitCode}: ${said}`;
  return new HoldfastError("sandbox", "server_not_started", message, {
    statusCode: 502,
    metadata: { containerId: id, ...(typeof ExitCode === "number" ? { exitCode: ExitCode } : {}) },
  });
}

/** The engine puts eight bytes in front of each piece of a log: its stream, three zeros, its length. */
function plainLog(text: string): string {
  let plain = "";
  let at = 0;
  for (let zeros = text.indexOf("\0\0\0"); zeros > 0; zeros = text.indexOf("\0\0\0", at)) {
    plain += text.slice(at, zeros - 1);
    at = zeros + 7;
  }
  return (plain + text.slice(at)).trim();
}

async function createContainer(
  engine: EngineApi,
  options: DockerProviderOptions,
  port: number,
): Promise<string> {
  const token = randomBytes(24).toString("hex");
  const image = options.image ?? defaultImage;
  const [env, binds] = await Promise.all([resolved(options.env), resolved(options.binds)]);
  const overrides = options.createContainerOptions ?? {};
  const [HostConfig, Labels] = [membersOf(overrides.HostConfig), membersOf(overrides.Labels)];
  const [program = "holdfast", ...args] = options.command ?? ["holdfast", "sandbox", "server"];
  const host = options.host ?? defaultHost;
  // Requests name the address that they are sent to, and the server answers to no other names than loopback's.
  const names = host === defaultHost ? [] : ["--allow-host", host];
  const body = {
    Image: image,
    Entrypoint: [program],
    // In a container, "all interfaces" is only the one whose port is published.
    Cmd: [...args, "--host", "0.0.0.0", "--port", String(port), "--allow-remote", ...names],
    ...overrides,
    ExposedPorts: { ...membersOf(overrides.ExposedPorts), [`${port}/tcp`]: {} },
    Env: [...listOf(overrides.Env), ...(env ?? []), `HOLDFAST_SANDBOX_TOKEN=${token}`],
    Labels: { ...Labels, [tokenLabel]: token },
    HostConfig: {
      Init: true,
      ...HostConfig,
      Binds: [...listOf(HostConfig.Binds), ...(binds ?? [])],
      PortBindings: {
        ...membersOf(HostConfig.PortBindings),
        [`${port}/tcp`]: [{ HostIp: host, HostPort: "" }],
      },
    },
  };
  let made: unknown;
  try {
    made = await engine.call("POST", "/containers/create", body);
  } catch (error) {
    if (engineStatus(error) !== 404) throw error;
    if (options.image === undefined) {
      const message = `The container engine has no image ${image}. Build it from deploy/image/sandbox/Containerfile, or name another one (image)`;
      throw new HoldfastError("sandbox", "image_missing", message, { statusCode: 404, cause: error });
    }
    await engine.pull(tagged(image));
    made = await engine.call("POST", "/containers/create", body);
  }
  return isRecord(made) && typeof made.Id === "string" ? made.Id : "";
}

function membersOf(value: unknown): Record<string, unknown> {
  return isRecord(value) ? value : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Without a tag, all images of the name would be pulled. Source: Engine API, ImageCreate. */
function tagged(image: string): string {
  return /:[^/]*$/.test(image) ? image : `${image}:latest`;
}

async function resolved<T>(lazy: Lazy<T> | undefined): Promise<T | undefined> {
  // A list of texts is no function, which the compiler cannot know of any T.
  return typeof lazy === "function" ? await (lazy as () => T | Promise<T>)() : lazy;
}

function firstSocket(candidates: readonly (string | undefined)[]): string {
  const named = candidates.filter((path) => path !== undefined);
  return named.find((path) => existsSync(path)) ?? named[0] ?? "/var/run/docker.sock";
}

function dockerHost(): string | undefined {
  return unixPath(process.env["DOCKER_HOST"]);
}

function containerHost(): string | undefined {
  return unixPath(process.env["CONTAINER_HOST"]);
}

function unixPath(url: string | undefined): string | undefined {
  return url?.startsWith("unix://") ? url.slice("unix://".length) : undefined;
}
