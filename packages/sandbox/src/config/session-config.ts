import { stat } from "node:fs/promises";
import { dirname, isAbsolute } from "node:path";
import type { Logger } from "@holdfast/core";
import type { SessionStart } from "../acp/session-start.ts";
import type { AgentRow } from "../agents/row.ts";
import { invalid, isRecord } from "../http/problem.ts";
import type { Mounts } from "../internal/mounts/mounts.ts";
import { type ConfigFiles, type ConfigName, configPath } from "./config-file.ts";
import { type AcpMcpServer, parseMcpServer, toAcpServer } from "./mcp-server.ts";
import type { SkillFetcher } from "./skill-fetch.ts";
import { parseSkills } from "./skill-source.ts";
import { syncSkills } from "./skill-sync.ts";
import { findSkills, type Skill, type SkillLimits } from "./skill-tree.ts";

/** Dependencies of {@link SessionConfig}. */
export interface SessionConfigOptions {
  readonly files: ConfigFiles;
  readonly agents: ReadonlyMap<string, AgentRow>;
  readonly fetcher: SkillFetcher;
  readonly mounts: Mounts;
  /** Environment of agents. Provides the variables of MCP servers. */
  readonly env: Readonly<Record<string, string>>;
  /** Topmost directory that is searched for configuration. Default: the root of the file system. */
  readonly root?: string;
  readonly limits: SkillLimits;
  readonly log: Logger;
}

/** An entry with the directory that it is configured for. */
interface ConfigEntry {
  readonly directory: string;
  readonly value: unknown;
}

/**
 * Applies the configuration of a session's working directory and its parents; the nearest one wins. Adds MCP servers
 * to the request and copies skills to where the agent reads them.
 */
export class SessionConfig {
  readonly #options: SessionConfigOptions;

  constructor(options: SessionConfigOptions) {
    this.#options = options;
  }

  /**
   * Installs the skills and returns the MCP servers of a new session. A server from the client replaces a configured
   * one of the same name. Throws when a configuration is invalid.
   */
  async onSessionStart(start: SessionStart): Promise<readonly unknown[]> {
    const { cwd } = start;
    if (cwd === undefined || !isAbsolute(cwd)) return start.mcpServers;
    await this.#options.mounts.checkResponsive([cwd]);
    const [servers] = await Promise.all([
      this.#mcpServers(cwd, start.mcpServers),
      this.#installSkills(cwd, start.agent),
    ]);
    return servers.length === 0 ? start.mcpServers : [...start.mcpServers, ...servers];
  }

  async #mcpServers(cwd: string, clientServers: readonly unknown[]): Promise<AcpMcpServer[]> {
    const names = new Set(clientServers.map((server) => (isRecord(server) ? server["name"] : undefined)));
    const servers: AcpMcpServer[] = [];
    for (const [name, { directory, value }] of await this.#collectEntries(cwd, "mcp")) {
      if (names.has(name)) continue;
      const config = withLocation(configPath(directory, "mcp"), name, () => parseMcpServer(value));
      if (config.enabled === false) continue;
      servers.push(toAcpServer(name, config, directory, this.#options.env));
    }
    return servers;
  }

  async #installSkills(cwd: string, agentId: string): Promise<void> {
    const { agents, fetcher, limits, log } = this.#options;
    const target = agents.get(agentId)?.skillsDirectory;
    if (target === undefined) return;
    const skills = new Map<string, Skill>();
    for (const [name, { directory, value }] of await this.#collectEntries(cwd, "skills")) {
      const { sources } = withLocation(configPath(directory, "skills"), name, () => parseSkills(value));
      for (const source of sources) {
        const sourceDirectory = await fetcher.fetch(source, directory);
        for (const skill of await findSkills(sourceDirectory, source)) {
          if (!skills.has(skill.name)) skills.set(skill.name, skill);
        }
      }
    }
    await syncSkills(cwd, target, [...skills.values()], limits, log);
  }

  /** Collects the entries of `cwd` and its parents by name; the nearest one wins. */
  async #collectEntries(cwd: string, kind: ConfigName): Promise<ReadonlyMap<string, ConfigEntry>> {
    const entries = new Map<string, ConfigEntry>();
    for (const directory of this.#searchPath(cwd)) {
      const path = configPath(directory, kind);
      if (!(await this.#isTrusted(path, cwd))) continue;
      for (const [name, value] of Object.entries(await this.#options.files.read(path))) {
        if (!entries.has(name)) entries.set(name, { directory, value });
      }
    }
    return entries;
  }

  #searchPath(cwd: string): string[] {
    const { root = "/" } = this.#options;
    const directories: string[] = [];
    for (let at = cwd; at === root || at.startsWith(root === "/" ? root : `${root}/`); at = dirname(at)) {
      directories.push(at);
      if (at === root) break;
    }
    return directories;
  }

  /**
   * Whether a configuration file may start programs. Some parent directories, such as /tmp, are writable by everyone,
   * so the file must belong to this user, to root or to the owner of the project.
   */
  async #isTrusted(path: string, cwd: string): Promise<boolean> {
    const [file, project] = await Promise.all([
      stat(path).catch(() => undefined),
      stat(cwd).catch(() => undefined),
    ]);
    if (!file) return false;
    if ([process.getuid?.(), 0, project?.uid].includes(file.uid)) return true;
    this.#options.log.warn("configuration file of another user ignored", { path });
    return false;
  }
}

function withLocation<T>(path: string, name: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw invalid(`${path}, "${name}": ${error instanceof Error ? error.message : String(error)}`);
  }
}
