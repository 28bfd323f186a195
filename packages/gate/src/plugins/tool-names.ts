import { join } from "node:path";
import { parseJson, readIfPresent, writePrivateFile } from "../vault/private-file.ts";
import { installerTools } from "./installer/installer-tools.ts";
import type { PluginFolder } from "./manifest/plugin-folder.ts";

/** Path of the file below a data directory. */
export const toolNamesFile = join("gate", "tool-names.json");

/**
 * Which plugin owns each tool's name, also after a restart. Rules, approvals and people know a tool by its name alone,
 * so a plugin keeps a name until its folder is gone or its manifest drops the tool. Version 1 of the file.
 */
export class ToolNames {
  readonly #path: string;
  #owners: ReadonlyMap<string, string> = new Map();

  constructor(dataDir: string) {
    this.#path = join(dataDir, toolNamesFile);
  }

  /** A file that cannot be used counts as empty: a name then goes to the plugin that is found first. */
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
   * The plugin other than `asking` that owns the name `tool`: the gate's installer, one of `loaded`, or one among
   * `present` that owned the name before and has not loaded yet.
   */
  otherOwnerOf(
    tool: string,
    asking: Pick<PluginFolder, "name" | "source">,
    loaded: readonly PluginFolder[],
    present: ReadonlySet<string>,
  ): string | undefined {
    if (installerTools.some((each) => each.name === tool)) return "installer";
    const owner = loaded.findLast(
      ({ name, manifest }) =>
        name !== asking.name && manifest.provides.tools.some((each) => each.name === tool),
    );
    if (owner !== undefined) return owner.name;
    // A built-in plugin may always take its own tools' names, whoever had them before.
    const before = asking.source === "built-in" ? undefined : this.#owners.get(tool);
    return before !== undefined && before !== asking.name && present.has(before) ? before : undefined;
  }

  /** Stores the owners of `taken` names, and keeps the other names of plugins that are `waiting` to load. */
  async keep(taken: ReadonlyMap<string, string>, waiting: ReadonlySet<string>): Promise<void> {
    const left = [...this.#owners].filter(([tool, owner]) => waiting.has(owner) && !taken.has(tool));
    const owners = new Map([...left, ...taken].sort(([a], [b]) => (a < b ? -1 : 1)));
    if (JSON.stringify([...owners]) === JSON.stringify([...this.#owners])) return;
    this.#owners = owners;
    const file = { version: 1, tools: Object.fromEntries(owners) };
    await writePrivateFile(this.#path, `${JSON.stringify(file, null, 2)}\n`);
  }
}
