import { randomBytes } from "node:crypto";
import { realpathSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Audit } from "../../audit/audit.ts";
import type { Egress, EgressOptions, EgressUpstream } from "../../egress/egress.ts";
import { gitUpstream } from "../../egress/services/git.ts";
import { githubAppTokens } from "../../egress/services/github-app.ts";
import type { Jail, JailMount, JailSpec, Jails } from "../../jail/jail.ts";
import { UnsafeDriver } from "../../jail/unsafe-driver.ts";
import { Connections } from "../credentials/connections.ts";
import { presentedCredentials } from "../credentials/presented-credentials.ts";
import type { PluginName } from "../manifest/names.ts";
import { isUnchanged, type PluginFolder } from "../manifest/plugin-folder.ts";
import { modulesOf } from "../manifest/plugin-modules.ts";
import type { PluginGit, PluginGrant } from "../plugin-grant.ts";
import { pluginLimits } from "../plugin-limits.ts";
import { PluginLoadError } from "../plugin-load-error.ts";
import type { StartMessage } from "../runtime/messages.ts";
import { pluginFolder, type RuntimeFolder, runtimeFolder } from "./runtime-folder.ts";

/** A plugin's process that has started and is not initialized yet. */
export interface LaunchedPlugin {
  readonly jail: Jail;
  /** False if this machine has no jails, or the operator switched them off. */
  readonly confined: boolean;
  /** Fingerprint of the credentials that its egress presents; it changes when any of them does. */
  readonly presented: string;
  readonly start: Pick<StartMessage, "directory" | "dataDirectory" | "egress" | "folders" | "connections">;
  /** Closes the egress. */
  close(): Promise<void>;
}

export interface LauncherOptions {
  readonly jails: Jails;
  readonly openEgress: (options: EgressOptions) => Promise<Egress>;
  /** Parent of the plugins' data folders. */
  readonly dataDirectory: string;
  /** Directory and audit log of TCP connections; without it plugins have none. */
  readonly connections?: { readonly directory: string; readonly audit: Audit };
  /** Marks processes that run without a jail, so that the gate's next start finds orphans. */
  readonly gateId?: string;
  /** Called when a folder differs from what was checked and must be read again. */
  readonly onStale?: () => void;
}

/** Paths inside a plugin's jail. */
const inside = {
  node: "/opt/holdfast/node",
  runtime: "/opt/holdfast/plugin",
  plugin: "/plugin",
  data: "/data",
  egress: "/run/holdfast/egress.sock",
  folders: "/folders",
  connections: "/run/holdfast/connections",
  /** Where Node resolves the imports of /plugin. */
  modules: "/node_modules",
} as const;

/** Plugins written for another runner may use enums and parameter properties, which Node supports with this flag. */
const transform = process.allowedNodeEnvironmentFlags.has("--experimental-transform-types")
  ? ["--experimental-transform-types"]
  : [];

/**
 * Starts the process of a plugin: in a jail of the gate's driver, with its folder read-only, its data
 * folder, and no network except the egress of its manifest and of the operator's grant.
 */
export class PluginLauncher {
  readonly #options: LauncherOptions;
  readonly #bare: UnsafeDriver;

  constructor(options: LauncherOptions) {
    this.#options = options;
    const { gateId } = options;
    this.#bare = new UnsafeDriver({ allowUnsafe: true, ...(gateId === undefined ? {} : { gateId }) });
  }

  get confined(): boolean {
    const { driver } = this.#options.jails;
    return !driver.unsafe && driver.refusal === undefined;
  }

  dataDirectory(name: PluginName): string {
    return join(this.#options.dataDirectory, name, "data");
  }

  /**
   * Starts the code that was checked, and that a person may have approved calls of. A folder with other content,
   * which may have been refused, does not start. Throws {@link PluginLoadError}.
   */
  async launch(
    plugin: PluginFolder,
    grant: PluginGrant,
    credentials: Readonly<Record<string, string>>,
  ): Promise<LaunchedPlugin> {
    if (!(await isUnchanged(plugin))) {
      this.#options.onStale?.();
      throw new PluginLoadError(
        "invalid_manifest",
        "Its files have changed since they were checked. Reload the plugin to check them again",
      );
    }
    const data = this.dataDirectory(plugin.name);
    await mkdir(data, { recursive: true, mode: 0o700 });
    const id = `plugin-${plugin.name}-${randomBytes(4).toString("hex")}`;
    const upstreams = upstreamsOf(plugin, grant, credentials);
    const { hosts = [] } = grant;
    const egress =
      upstreams.length === 0 && hosts.length === 0
        ? undefined
        : await this.#options.openEgress({
            ...{ jailId: id, session: `plugin:${plugin.name}`, upstreams, hosts },
            taints: false,
            // The handler's `fetch` uses paths of the proxy.
            intercept: false,
          });
    let connections: Connections | undefined;
    try {
      connections = await this.#connect(plugin, grant);
      const pathFor = this.confined ? (_host: string, path: string) => path : (host: string) => host;
      const code = { runtime: await runtimeFolder(), directory: await pluginFolder(plugin) };
      const spec = this.#spec(id, plugin, grant, egress, connections, code, pathFor);
      const jail = this.confined
        ? await this.#options.jails.start(spec)
        : await this.#bare.start({ ...spec, mounts: [] });
      return {
        jail,
        confined: this.confined,
        presented: presentedCredentials(plugin.manifest, grant, credentials),
        start: {
          directory: pathFor(code.directory, inside.plugin),
          dataDirectory: pathFor(data, inside.data),
          ...(egress === undefined
            ? {}
            : {
                egress: {
                  socketPath: pathFor(egress.socketPath, inside.egress),
                  upstreams: addresses(plugin, upstreams),
                  hosts: hosts.length > 0,
                },
              }),
          folders: Object.fromEntries(
            Object.entries(grant.folders ?? {}).map(([name, folder]) => [
              name,
              { ...folder, path: pathFor(folder.path, `${inside.folders}/${name}`) },
            ]),
          ),
          connections: Object.entries(connections?.sockets ?? {}).flatMap(([name, socketPath]) => {
            const server = grant.connections?.[name];
            const path = pathFor(socketPath, `${inside.connections}/${name}.sock`);
            return server === undefined ? [] : [{ name, ...server, socketPath: path }];
          }),
        },
        close: async () => {
          await Promise.all([egress?.close(), connections?.close()]);
        },
      };
    } catch (error) {
      await Promise.all([egress?.close(), connections?.close()]);
      throw error;
    }
  }

  async #connect({ name }: PluginFolder, grant: PluginGrant): Promise<Connections | undefined> {
    const { connections } = this.#options;
    if (connections === undefined || Object.keys(grant.connections ?? {}).length === 0) return undefined;
    return Connections.open({ plugin: name, connections: grant.connections ?? {}, ...connections });
  }

  #spec(
    id: string,
    plugin: PluginFolder,
    grant: PluginGrant,
    egress: Egress | undefined,
    connections: Connections | undefined,
    { runtime, directory }: { readonly runtime: RuntimeFolder; readonly directory: string },
    pathFor: (host: string, path: string) => string,
  ): JailSpec {
    const node = realpathSync(process.execPath);
    const mounts: JailMount[] = [
      { source: node, target: inside.node, mode: "ro" },
      { source: runtime.folder, target: inside.runtime, mode: "ro" },
      { source: directory, target: inside.plugin, mode: "ro" },
      { source: this.dataDirectory(plugin.name), target: inside.data, mode: "rw" },
      ...Object.entries(grant.folders ?? {}).map(([name, { path, mode }]) => ({
        source: path,
        target: `${inside.folders}/${name}`,
        mode,
        // The operator's files in it do not count toward the plugin's disk quota.
        ...(mode === "rw" ? { uncounted: true } : {}),
      })),
      ...modulesOf(plugin).map((module) => ({
        source: module.directory,
        target: `${inside.modules}/${module.name}`,
        mode: "ro" as const,
      })),
      ...Object.entries(connections?.sockets ?? {}).map(([name, socketPath]) => ({
        source: socketPath,
        target: `${inside.connections}/${name}.sock`,
        mode: "rw" as const,
      })),
    ];
    if (egress !== undefined) mounts.push({ source: egress.socketPath, target: inside.egress, mode: "rw" });
    return {
      id,
      command: pathFor(node, inside.node),
      args: [
        ...transform,
        "--disable-warning=ExperimentalWarning",
        "--max-old-space-size=256",
        join(pathFor(runtime.folder, inside.runtime), `main${runtime.extension}`),
      ],
      cwd: pathFor(directory, inside.plugin),
      env: {
        PATH: "/usr/local/bin:/usr/bin:/bin",
        HOME: "/tmp",
        LANG: "C.UTF-8",
        HOLDFAST_PLUGIN: plugin.name,
        // Plugins written for the peer store their data here.
        CARAPACE_HOME: pathFor(this.dataDirectory(plugin.name), inside.data),
      },
      mounts,
      limits: {
        memoryBytes: pluginLimits.memoryBytes,
        pids: pluginLimits.pids,
        tmpBytes: pluginLimits.tmpBytes,
        diskBytes: grant.diskBytes ?? pluginLimits.diskBytes,
        diskEntries: grant.diskEntries ?? pluginLimits.diskEntries,
      },
      network: "none",
    };
  }
}

/** Configuration of the egress proxy. Credentials go to the proxy and never to the plugin. */
function upstreamsOf(
  { manifest }: PluginFolder,
  { egress: granted = [], git }: PluginGrant,
  credentials: Readonly<Record<string, string>>,
): EgressUpstream[] {
  const declared = (manifest.egress ?? [])
    .filter(({ name }) => !granted.some((each) => each.name === name))
    .map(({ name, url, methods = ["GET"], paths = ["/"], credential, credential_as: as = "bearer" }) => {
      const value = credential === undefined ? undefined : credentials[credential];
      return {
        name,
        baseUrl: url,
        provider: "none",
        allow: paths.map((pathPrefix) => ({ methods, pathPrefix })),
        credential: value === undefined ? { kind: "none" } : { kind: as, value },
        // Only the operator may allow a private address; a manifest is untrusted.
        publicOnly: true,
      } satisfies EgressUpstream;
    });
  return [...declared, ...granted, ...(git === undefined ? [] : [gitOf(git, credentials)])];
}

function gitOf({ baseUrl, repositories, app }: PluginGit, credentials: Readonly<Record<string, string>>) {
  const privateKey = app === undefined ? undefined : credentials[app.credential];
  const tokens =
    app === undefined || privateKey === undefined
      ? undefined
      : githubAppTokens({
          ...{ appId: app.id, installationId: app.installation, privateKey },
          ...(app.api === undefined ? {} : { api: app.api }),
        });
  return gitUpstream({
    name: "git",
    baseUrl,
    repositories: repositories.map(({ path, push = false, credential, minted = false }) => {
      if (minted) return { path, push, ...(tokens === undefined ? {} : { tokens }) };
      const value = credential === undefined ? undefined : credentials[credential];
      return {
        path,
        push,
        // Git hosts accept any user name beside a token; the well-known ones document this one.
        ...(value === undefined ? {} : { credential: { kind: "basic", username: "x-access-token", value } }),
      };
    }),
  });
}

/** The upstream URLs as the handler knows them: those of its manifest, even if a grant replaces one. */
function addresses(
  { manifest }: PluginFolder,
  upstreams: readonly EgressUpstream[],
): { name: string; url: string }[] {
  return upstreams.map(({ name, baseUrl }) => ({
    name,
    url: manifest.egress?.find((each) => each.name === name)?.url ?? baseUrl,
  }));
}
