import { join } from "node:path";
import { parseJson, readIfPresent, writePrivateFile } from "../vault/private-file.ts";
import { installerTools } from "./installer/installer-tools.ts";
import type { PluginFolder } from "./manifest/plugin-folder.ts";

/** Path of the file below a data directory. */
export const toolNamesFile = join("gate", "tool-names.json");

/** A tool name that a plugin declares and another plugin owns. */
export interface NameClash {
  readonly tool: string;
  readonly owner: string;
}

/**
 * Registry of the plugin that owns each tool name, also after a restart, and of the plugins refused because of a
 * clash. Rules, approvals and people know a tool by its name alone, so a plugin owns a name until its folder is
 * removed or its manifest drops the tool. Version 1 of the file.
 */
export class ToolNames {
  readonly #path: string;
  #owners: ReadonlyMap<string, string> = new Map();
  /** Plugins refused because of a clash, with the clashing name. */
  readonly #refused = new Map<string, { readonly folder: PluginFolder; readonly tool: string }>();

  constructor(dataDir: string) {
    this.#path = join(dataDir, toolNamesFile);
  }

  /** Loads the owners. An unusable file counts as empty: each name then belongs to the plugin found first. */
  async load(): Promise<void> {
    const content = await readIfPresent(this.#path);
    const { version, tools } = parseJson(content?.toString("utf8") ?? "") ?? {};
    if (version !== 1 || typeof tools !== "object" || tools === null) return;
    this.#owners = new Map(
      Object.entries<unknown>({ ...tools }).flatMap(([tool, owner]) =>
        typeof owner === "string" ? [[tool, owner]] : [],
      ),
    );
  }

  /**
   * Checks the tool names of `folder` against the plugins in `loaded`, and against those in `present` that owned a
   * name before and have not loaded yet. A plugin with a clash is remembered until the name is free.
   */
  check(
    folder: PluginFolder,
    loaded: readonly PluginFolder[],
    present: ReadonlySet<string>,
  ): NameClash | undefined {
    for (const { name: tool } of folder.manifest.provides.tools) {
      const owner = this.#otherOwner(tool, folder, loaded, present);
      if (owner === undefined) continue;
      this.#refused.set(folder.name, { folder, tool });
      return { tool, owner };
    }
    return undefined;
  }

  /** Forgets the clash of a plugin that was removed or is checked again. */
  forgetClash(plugin: string): void {
    this.#refused.delete(plugin);
  }

  /** Returns the refused plugins whose clashing name is free by now, each once. */
  takeFreed(loaded: readonly PluginFolder[], present: ReadonlySet<string>): string[] {
    const freed = [...this.#refused]
      .filter(([, { folder, tool }]) => this.#otherOwner(tool, folder, loaded, present) === undefined)
      .map(([plugin]) => plugin);
    // Once only, so that a folder that cannot be read is not retried for ever.
    for (const plugin of freed) this.#refused.delete(plugin);
    return freed;
  }

  /** Stores the owners: the plugins in `loaded`, and for other names those in `present` that have not loaded yet. */
  async save(loaded: readonly PluginFolder[], present: ReadonlySet<string>): Promise<void> {
    const taken = new Map(
      loaded.flatMap(({ name, manifest }) =>
        manifest.provides.tools.map((tool) => [tool.name, name] as const),
      ),
    );
    const names = new Set<string>(loaded.map(({ name }) => name));
    const reserved = [...this.#owners].filter(
      ([tool, owner]) => present.has(owner) && !names.has(owner) && !taken.has(tool),
    );
    const owners = new Map([...reserved, ...taken].sort(([a], [b]) => (a < b ? -1 : 1)));
    if (JSON.stringify([...owners]) === JSON.stringify([...this.#owners])) return;
    this.#owners = owners;
    const file = { version: 1, tools: Object.fromEntries(owners) };
    await writePrivateFile(this.#path, `${JSON.stringify(file, null, 2)}\n`);
  }

  /** The plugin other than `candidate` that owns the name `tool`. */
  #otherOwner(
    tool: string,
    candidate: Pick<PluginFolder, "name" | "source">,
    loaded: readonly PluginFolder[],
    present: ReadonlySet<string>,
  ): string | undefined {
    if (installerTools.some((each) => each.name === tool)) return "installer";
    const owner = loaded.findLast(
      ({ name, manifest }) =>
        name !== candidate.name && manifest.provides.tools.some((each) => each.name === tool),
    );
    if (owner !== undefined) return owner.name;
    // A built-in plugin may always take its own tools' names, whichever plugin owned them before.
    const previous = candidate.source === "built-in" ? undefined : this.#owners.get(tool);
    return previous !== undefined && previous !== candidate.name && present.has(previous)
      ? previous
      : undefined;
  }
}
