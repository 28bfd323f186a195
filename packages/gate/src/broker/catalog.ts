import { HoldfastError, type Logger } from "@holdfast/core";
import { brokerLimits } from "./broker-limits.ts";
import { compileSchema, type SchemaCheck } from "./messages/schema.ts";
import type { WireTool } from "./messages/wire.ts";
import type { Tool, ToolSource } from "./tool.ts";

/** A tool with what answers it, and its schemas, compiled once. */
export interface CatalogEntry {
  readonly tool: Tool;
  readonly source: ToolSource;
  readonly checkArguments: SchemaCheck;
  readonly checkOutput: SchemaCheck | undefined;
  /** What it takes of an answer that lists all. */
  readonly bytes: number;
}

/** The tools that there are, from all sources. */
export interface ToolCatalog {
  /**
   * Offers the tools of a source; returns how to take them back. When the source changes later, a tool
   * of it that cannot be offered is left out, with a line in the log.
   * With `skipInvalid` that holds from the start.
   * Throws `broker.invalid_tool`, `broker.duplicate_tool`, `broker.reserved_tool`, `broker.too_many_tools`,
   * `broker.catalog_too_large`.
   */
  register(source: ToolSource, options?: { readonly skipInvalid?: boolean }): () => void;
  list(): readonly Tool[];
  /** Called after each change; returns how to stop. */
  onChange(listener: () => void): () => void;
}

/** Names of the gate's own tools. */
export const coreToolNames = ["echo", "list_tools", "get_session_info", "get_diagnostics"] as const;
export const corePlugin = "core";

/** The one of them in whose place a plugin's may stand: nothing depends on it. */
const yieldingTool = "echo";

const reserved: ReadonlySet<string> = new Set(coreToolNames.filter((each) => each !== yieldingTool));

function refuse(code: string, status: number, message: string): HoldfastError {
  return new HoldfastError("broker", code, message, { statusCode: status });
}

export class Catalog implements ToolCatalog {
  readonly #log: Logger;
  readonly #sources = new Map<ToolSource, () => void>();
  readonly #entries = new Map<string, CatalogEntry>();
  /** The gate's own tool while a plugin's stands in its place. */
  #yielded: CatalogEntry | undefined;
  readonly #listeners = new Set<() => void>();

  constructor(log: Logger) {
    this.#log = log;
  }

  get(name: string): CatalogEntry | undefined {
    return this.#entries.get(name);
  }

  entries(): Iterable<CatalogEntry> {
    return this.#entries.values();
  }

  list(): readonly Tool[] {
    return [...this.#entries.values()].map((each) => each.tool);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  register(source: ToolSource, { skipInvalid = false } = {}): () => void {
    if (this.#sources.has(source))
      throw refuse("duplicate_tool", 409, `${source.name} is registered already`);
    const entries: CatalogEntry[] = [];
    for (const tool of skipInvalid ? [] : source.tools()) {
      const entry = this.#entry(tool, source, entries);
      this.#checkRoom(entry, entries);
      entries.push(entry);
    }
    for (const entry of entries) this.#set(entry);
    const stop = source.onChange(() => this.#refresh(source));
    this.#sources.set(source, stop);
    if (skipInvalid) this.#refresh(source);
    else this.#changed();
    return () => {
      if (this.#sources.get(source) !== stop) return;
      stop();
      this.#sources.delete(source);
      this.#remove(source);
      this.#changed();
    };
  }

  #refresh(source: ToolSource): void {
    if (!this.#sources.has(source)) return;
    const before = new Map([...this.#entries].filter(([, entry]) => entry.source === source));
    this.#remove(source);
    for (const tool of source.tools()) {
      const same = before.get(tool.name);
      try {
        const entry = same?.tool === tool ? same : this.#entry(tool, source, []);
        this.#checkRoom(entry, []);
        this.#set(entry);
      } catch (error) {
        this.#log.error("a tool cannot be offered", { source: source.name, tool: tool.name, error });
      }
    }
    this.#changed();
  }

  #set(entry: CatalogEntry): void {
    const { name } = entry.tool;
    const present = this.#entries.get(name);
    if (present !== undefined && yields(present)) this.#yielded = present;
    this.#entries.set(name, entry);
  }

  #remove(source: ToolSource): void {
    for (const [name, entry] of this.#entries) if (entry.source === source) this.#entries.delete(name);
    const back = this.#yielded;
    if (back === undefined || this.#entries.has(back.tool.name)) return;
    this.#yielded = undefined;
    if (back.source !== source) this.#entries.set(back.tool.name, back);
  }

  #entry(tool: Tool, source: ToolSource, beside: readonly CatalogEntry[]): CatalogEntry {
    const { name } = tool;
    if (!/^[a-z][a-z0-9_]{0,63}$/.test(name)) {
      throw refuse("invalid_tool", 400, `Not the name of a tool: ${JSON.stringify(name)}`);
    }
    if (reserved.has(name) && tool.plugin !== corePlugin) {
      throw refuse("reserved_tool", 409, `The name ${name} is taken by the gate itself`);
    }
    const present = this.#entries.get(name);
    const taken = present !== undefined && !(yields(present) && tool.plugin !== corePlugin);
    if (taken || beside.some((each) => each.tool.name === name)) {
      throw refuse("duplicate_tool", 409, `There is already a tool ${name}`);
    }
    return {
      tool,
      source,
      checkArguments: compileSchema(tool.argumentsSchema, `arguments of ${name}`, { closed: true }),
      checkOutput:
        tool.outputSchema === undefined
          ? undefined
          : compileSchema(tool.outputSchema, `result of ${name}`, { closed: false }),
      bytes: Buffer.byteLength(JSON.stringify(listed(tool))),
    };
  }

  /** All tools are told in one answer, which has to get through to the jail. */
  #checkRoom({ tool, bytes }: CatalogEntry, beside: readonly CatalogEntry[]): void {
    const { maxTools, maxCatalogBytes } = brokerLimits;
    if (this.#entries.size + beside.length >= maxTools) {
      throw refuse("too_many_tools", 429, `There are ${maxTools} tools already`);
    }
    let taken = bytes;
    for (const each of this.#entries.values()) taken += each.bytes;
    for (const each of beside) taken += each.bytes;
    if (taken <= maxCatalogBytes) return;
    const most = `what all tools together may say of themselves, ${maxCatalogBytes} bytes`;
    throw refuse("catalog_too_large", 429, `With its ${bytes} bytes the tool ${tool.name} is beyond ${most}`);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** A tool as agents are told of it. */
export function listed(tool: Tool): WireTool {
  return {
    name: tool.name,
    description: tool.description,
    risk_level: tool.riskLevel,
    plugin: tool.plugin,
    version: tool.pluginVersion,
    arguments_schema: tool.argumentsSchema,
    ...(tool.outputSchema === undefined ? {} : { output_schema: tool.outputSchema }),
  };
}

function yields({ tool }: CatalogEntry): boolean {
  return tool.plugin === corePlugin && tool.name === yieldingTool;
}
