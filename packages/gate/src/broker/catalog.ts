import { HoldfastError, type Logger } from "@holdfast/core";
import { brokerLimits } from "./broker-limits.ts";
import { compileSchema, compileWhenUsed, type SchemaCheck } from "./messages/schema.ts";
import type { WireTool } from "./messages/wire.ts";
import type { Tool, ToolSource } from "./tool.ts";

/** A tool, its source, and validators compiled from its schemas. */
export interface CatalogEntry {
  readonly tool: Tool;
  readonly source: ToolSource;
  readonly checkArguments: SchemaCheck;
  readonly checkOutput: SchemaCheck | undefined;
  /** Size of its entry in the list of all tools. */
  readonly bytes: number;
}

/** All tools, from all sources. */
export interface ToolCatalog {
  /**
   * Registers the tools of a source; returns a function that removes them. When the source changes later, invalid
   * tools are skipped and logged; with `skipInvalid` also now. Throws `broker.invalid_tool`, `broker.duplicate_tool`,
   * `broker.reserved_tool`, `broker.too_many_tools`, `broker.catalog_too_large`.
   */
  register(source: ToolSource, options?: { readonly skipInvalid?: boolean }): () => void;
  list(): readonly Tool[];
  /** Calls the listener after each change; returns a function that removes it. */
  onChange(listener: () => void): () => void;
}

/** Names of the gate's own tools. */
export const coreToolNames = ["echo", "list_tools", "get_session_info", "get_diagnostics"] as const;
export const corePlugin = "core";

/** The one of them that a plugin's tool may replace: nothing depends on it. */
const yieldingTool = "echo";

const reserved: ReadonlySet<string> = new Set(coreToolNames.filter((each) => each !== yieldingTool));

function refuse(code: string, status: number, message: string): HoldfastError {
  return new HoldfastError("broker", code, message, { statusCode: status });
}

export class Catalog implements ToolCatalog {
  readonly #log: Logger;
  readonly #sources = new Map<ToolSource, () => void>();
  readonly #entries = new Map<string, CatalogEntry>();
  /** The gate's own tool while a plugin's replaces it. */
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
      throw refuse("duplicate_tool", 409, `${source.name} is already registered`);
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
        this.#log.error("a tool was skipped", { source: source.name, tool: tool.name, error });
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
      throw refuse(
        "invalid_tool",
        400,
        `Not a valid tool name: ${JSON.stringify(name)}. Use lower-case letters, digits and underscores`,
      );
    }
    if (reserved.has(name) && tool.plugin !== corePlugin) {
      throw refuse("reserved_tool", 409, `The gate itself uses the name ${name}. Choose another`);
    }
    const present = this.#entries.get(name);
    const taken = present !== undefined && !(yields(present) && tool.plugin !== corePlugin);
    if (taken || beside.some((each) => each.tool.name === name)) {
      throw refuse("duplicate_tool", 409, `Another tool is named ${name}. Choose another name`);
    }
    const compile = tool.isBuiltIn === true ? compileWhenUsed : compileSchema;
    return {
      tool,
      source,
      checkArguments: compile(tool.argumentsSchema, `arguments of ${name}`, { closed: true }),
      checkOutput:
        tool.outputSchema === undefined
          ? undefined
          : compile(tool.outputSchema, `result of ${name}`, { closed: false }),
      bytes: Buffer.byteLength(JSON.stringify(listed(tool))),
    };
  }

  /** All tools are listed in one answer, which must fit the jail's channel. */
  #checkRoom({ tool, bytes }: CatalogEntry, beside: readonly CatalogEntry[]): void {
    const { maxTools, maxCatalogBytes } = brokerLimits;
    if (this.#entries.size + beside.length >= maxTools) {
      throw refuse(
        "too_many_tools",
        429,
        `There are already ${maxTools} tools, the maximum. Remove a plugin`,
      );
    }
    let taken = bytes;
    for (const each of this.#entries.values()) taken += each.bytes;
    for (const each of beside) taken += each.bytes;
    if (taken <= maxCatalogBytes) return;
    const most = `the catalog's limit of ${maxCatalogBytes} bytes for names, descriptions and schemas`;
    throw refuse("catalog_too_large", 429, `The tool ${tool.name} has ${bytes} bytes, which exceeds ${most}`);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** A tool as agents see it. */
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
