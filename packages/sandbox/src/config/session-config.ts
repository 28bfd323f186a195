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
import { placeSkills } from "./skill-place.ts";
import { parseSkills } from "./skill-source.ts";
import { findSkills, type Skill, type SkillLimits } from "./skill-tree.ts";

export interface SessionConfigOptions {
  readonly files: ConfigFiles;
  readonly agents: ReadonlyMap<string, AgentRow>;
  readonly fetcher: SkillFetcher;
  readonly mounts: Mounts;
  /** The environment of agents, in which the variables of MCP servers are looked up. */
  readonly env: Readonly<Record<string, string>>;
  /** Above this directory no configuration is looked for; the root of the file system without it. */
  readonly root?: string;
  readonly limits: SkillLimits;
  readonly log: Logger;
}

/** An entry with the directory of its configuration. */
interface Entry {
  readonly directory: string;
  readonly value: unknown;
}

/**
 * Applies the configuration of a session's working directory and its parents, the nearest one first: adds MCP
 * servers to the request and copies skills to where the agent reads them.
 */
export class SessionConfig {
  readonly #options: SessionConfigOptions;

  constructor(options: SessionConfigOptions) {
    this.#options = options;
  }

  /**
   * Puts the skills in place and resolves to the MCP servers of a session that starts. What the client
   * gave wins over a configuration of the same name. Throws where a configuration cannot be used.
   */
  async onSessionStart(start: SessionStart): Promise<readonly unknown[]> {
    const { cwd } = start;
    if (cwd === undefined || !isAbsolute(cwd)) return start.mcpServers;
    await this.#options.mounts.reach([cwd]);
    const [servers] = await Promise.all([
      this.#servers(cwd, start.mcpServers),
      this.#skills(cwd, start.agent),
    ]);
    return servers.length === 0 ? start.mcpServers : [...start.mcpServers, ...servers];
  }

  async #servers(cwd: string, given: readonly unknown[]): Promise<AcpMcpServer[]> {
    const names = new Set(given.map((server) => (isRecord(server) ? server["name"] : undefined)));
    const servers: AcpMcpServer[] = [];
    for (const [name, { directory, value }] of await this.#entries(cwd, "mcp")) {
      if (names.has(name)) continue;
      const config = located(configPath(directory, "mcp"), name, () => parseMcpServer(value));
      if (config.enabled === false) continue;
      servers.push(toAcpServer(name, config, directory, this.#options.env));
    }
    return servers;
  }

  async #skills(cwd: string, agentId: string): Promise<void> {
    const { agents, fetcher, limits, log } = this.#options;
    const target = agents.get(agentId)?.skillsDirectory;
    if (target === undefined) return;
    const skills = new Map<string, Skill>();
    for (const [name, { directory, value }] of await this.#entries(cwd, "skills")) {
      const { sources } = located(configPath(directory, "skills"), name, () => parseSkills(value));
      for (const source of sources) {
        const place = await fetcher.fetch(source, directory);
        for (const skill of await findSkills(place, source)) {
          if (!skills.has(skill.name)) skills.set(skill.name, skill);
        }
      }
    }
    await placeSkills(cwd, target, [...skills.values()], limits, log);
  }

  /** The entries of all directories from `cwd` up, by name; the nearest one wins. */
  async #entries(cwd: string, kind: ConfigName): Promise<ReadonlyMap<string, Entry>> {
    const entries = new Map<string, Entry>();
    for (const directory of this.#directories(cwd)) {
      const path = configPath(directory, kind);
      if (!(await this.#isTrusted(path, cwd))) continue;
      for (const [name, value] of Object.entries(await this.#options.files.read(path))) {
        if (!entries.has(name)) entries.set(name, { directory, value });
      }
    }
    return entries;
  }

  #directories(cwd: string): string[] {
    const { root = "/" } = this.#options;
    const directories: string[] = [];
    for (let at = cwd; at === root || at.startsWith(root === "/" ? root : `${root}/`); at = dirname(at)) {
      directories.push(at);
      if (at === root) break;
    }
    return directories;
  }

  /**
   * A configuration says which programs are started, and some directories above a project, such as
   * /tmp, are anybody's: only what this user, root or the owner of the project has written counts.
   */
  async #isTrusted(path: string, cwd: string): Promise<boolean> {
    const [file, project] = await Promise.all([
      stat(path).catch(() => undefined),
      stat(cwd).catch(() => undefined),
    ]);
    if (!file) return false;
    if ([process.getuid?.(), 0, project?.uid].includes(file.uid)) return true;
    this.#options.log.warn("configuration of another user is ignored", { path });
    return false;
  }
}

function located<T>(path: string, name: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw invalid(`${path}, "${name}": ${error instanceof Error ? error.message : String(error)}`);
  }
}
