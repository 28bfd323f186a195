import { join } from "node:path";
import { parseJson, readIfPresent, writePrivateFile } from "../vault/private-file.ts";

/** Its name in a data directory. */
export const toolNamesFile = join("gate", "tool-names.json");

/**
 * Which plugin has each tool's name, also after a restart: rules, approvals and people know a tool by its name alone,
 * so that what has one keeps it until its folder is gone or asks for it no more. Version 1 of the file.
 */
export class ToolNames {
  readonly #path: string;
  #owners: ReadonlyMap<string, string> = new Map();

  constructor(dataDir: string) {
    this.#path = join(dataDir, toolNamesFile);
  }

  /** Of a file that cannot be used nothing is known: then a name is whose folder is found first. */
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

  ownerOf(tool: string): string | undefined {
    return this.#owners.get(tool);
  }

  /** Keeps whose the names are that are `taken`, and the others of plugins that wait for something to load. */
  async keep(taken: ReadonlyMap<string, string>, waiting: ReadonlySet<string>): Promise<void> {
    const left = [...this.#owners].filter(([tool, owner]) => waiting.has(owner) && !taken.has(tool));
    const owners = new Map([...left, ...taken].sort(([a], [b]) => (a < b ? -1 : 1)));
    if (JSON.stringify([...owners]) === JSON.stringify([...this.#owners])) return;
    this.#owners = owners;
    const file = { version: 1, tools: Object.fromEntries(owners) };
    await writePrivateFile(this.#path, `${JSON.stringify(file, null, 2)}\n`);
  }
}
