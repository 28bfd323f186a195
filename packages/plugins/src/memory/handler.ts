import type { CoreServices, PluginContext, PluginHandler, ToolInvocationResult } from "@holdfast/gate/plugin";
import { MemoryFile } from "./memory-file.ts";
import { MemoryStore } from "./memory-store.ts";
import { callMemory } from "./memory-tools.ts";

/** Open databases. The least recently used one is closed first. */
const maxOpenFiles = 32;

/** The memory of one machine: a file for each group. */
class MemoryHandler implements PluginHandler {
  readonly #files = new Map<string, MemoryFile>();
  #directory = "";

  async initialize(services: CoreServices & { readonly dataDirectory?: string }): Promise<void> {
    if (services.dataDirectory === undefined) throw new Error("The memory plugin needs a data directory");
    this.#directory = services.dataDirectory;
  }

  async handleToolInvocation(
    tool: string,
    args: Record<string, unknown>,
    context: PluginContext,
  ): Promise<ToolInvocationResult> {
    return callMemory(this.#storeOf(context.group), tool, args, context);
  }

  #storeOf(group: string): MemoryStore {
    const open = this.#files.get(group) ?? new MemoryFile(this.#directory, group);
    this.#files.delete(group);
    this.#files.set(group, open);
    if (this.#files.size > maxOpenFiles) {
      const [oldest] = this.#files;
      void oldest?.[1].close();
      if (oldest !== undefined) this.#files.delete(oldest[0]);
    }
    return new MemoryStore(open);
  }

  async verify() {
    await this.#storeOf("verify").search({ query: "anything" });
    return { ok: true, message: "The memory is readable" };
  }

  async shutdown(): Promise<void> {
    await Promise.all([...this.#files.values()].map((each) => each.close()));
    this.#files.clear();
  }
}

export default new MemoryHandler();
