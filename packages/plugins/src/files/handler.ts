import type {
  CoreServices,
  PluginContext,
  PluginHandler,
  PluginServices,
  SharedFolder,
  ToolInvocationResult,
} from "@holdfast/gate/plugin";
import { OutsideMarks } from "./outside-marks.ts";
import { describeError, filesLimits, refused, SharedTree, type WriteContext } from "./shared-tree.ts";

/** Result of a tool, and whether it may contain untrusted content. */
interface ToolOutcome {
  readonly result: Record<string, unknown>;
  readonly untrusted?: boolean;
}

/** Tools for the folders that the operator shares. The operator's settings and the gate decide who may use which. */
class FilesHandler implements PluginHandler {
  #folders: Readonly<Record<string, SharedFolder>> = {};
  #groups: ReadonlyMap<string, readonly unknown[]> = new Map();
  /** Last change of each folder. Changes run one after another, since an append reads the file first. */
  readonly #changes = new Map<string, Promise<unknown>>();
  #openMarks: OutsideMarks | undefined;

  get #marks(): OutsideMarks {
    if (this.#openMarks === undefined) throw new Error("The plugin is not initialized");
    return this.#openMarks;
  }

  async initialize(services: CoreServices & Partial<PluginServices>): Promise<void> {
    if (services.dataDirectory === undefined)
      throw new Error("The files plugin needs a data directory for its marks");
    this.#folders = services.folders ?? {};
    const configuredGroups: unknown = services.config?.["groups"] ?? {};
    const groups = Object.entries(Object(configuredGroups)).map(
      ([folder, each]): [string, readonly unknown[]] => {
        if (!Array.isArray(each) || !each.every((one) => typeof one === "string")) {
          throw new Error(`The groups of the folder ${folder} must be a list of names`);
        }
        // A misspelled folder would otherwise stay open to all groups.
        if (!Object.hasOwn(this.#folders, folder))
          throw new Error(`The operator shares no folder named ${folder}`);
        return [folder, each];
      },
    );
    this.#groups = new Map(groups);
    this.#openMarks = new OutsideMarks(services.dataDirectory, filesLimits.marks);
  }

  async handleToolInvocation(
    tool: string,
    args: Record<string, unknown>,
    { group, tainted }: PluginContext,
  ): Promise<ToolInvocationResult> {
    try {
      const context = { folders: args["make_folders"] === true, tainted: tainted === true };
      const { result, untrusted } = await this.#run(tool, args, group, context);
      return { ok: true, result, ...(untrusted === true ? { untrusted } : {}) };
    } catch (error) {
      throw describeError(error);
    }
  }

  async #run(
    tool: string,
    args: Record<string, unknown>,
    group: string,
    context: WriteContext,
  ): Promise<ToolOutcome> {
    switch (tool) {
      case "files_list":
        return this.#list(args, group);
      case "files_stat":
        return { result: await this.#tree(args, group).stat(stringArgument(args["path"])) };
      case "files_read":
        return read(this.#tree(args, group), args);
      case "files_write":
        return this.#change(args, group, (tree) => write(tree, args, context));
      case "files_move":
        return this.#move(args, group, context);
      case "files_delete":
        return this.#delete(args, group);
      default:
        throw refused(`Unknown tool: "${tool}"`);
    }
  }

  /** Returns undefined alike for an unknown folder and one of another group, so that callers cannot tell. */
  #folder(name: string, group: string): SharedFolder | undefined {
    const allowed = this.#groups.get(name)?.includes(group) ?? true;
    return allowed && Object.hasOwn(this.#folders, name) ? this.#folders[name] : undefined;
  }

  #tree(args: Record<string, unknown>, group: string, wanted: "ro" | "rw" = "ro"): SharedTree {
    const folder = this.#folder(stringArgument(args["folder"]), group);
    if (folder === undefined) throw refused("No folder of that name is shared with this group", "folder");
    if (wanted === "rw" && folder.mode !== "rw") throw refused("The folder is shared read-only", "folder");
    return new SharedTree(folder, this.#marks);
  }

  /** Runs the changes of a folder one after another. */
  async #change<T>(
    args: Record<string, unknown>,
    group: string,
    change: (tree: SharedTree) => Promise<T>,
  ): Promise<T> {
    const tree = this.#tree(args, group, "rw");
    const folder = stringArgument(args["folder"]);
    const result = (this.#changes.get(folder) ?? Promise.resolve()).then(() => change(tree));
    const settled = result.catch(() => {});
    this.#changes.set(folder, settled);
    return result;
  }

  async #list(args: Record<string, unknown>, group: string): Promise<ToolOutcome> {
    if (stringArgument(args["folder"]) === "") {
      if (stringArgument(args["path"]) !== "")
        throw refused("A path needs a shared folder: set `folder`", "folder");
      const folders = Object.keys(this.#folders)
        .sort()
        .flatMap((name) => {
          const folder = this.#folder(name, group);
          return folder === undefined ? [] : [{ name, writable: folder.mode === "rw" }];
        });
      return { result: { folders } };
    }
    const limit = typeof args["limit"] === "number" ? args["limit"] : filesLimits.entries;
    const { untrusted, ...result } = await this.#tree(args, group).list(
      stringArgument(args["path"]),
      stringArgument(args["after"]),
      Math.min(limit, filesLimits.entries),
    );
    return { result, untrusted };
  }

  async #move(args: Record<string, unknown>, group: string, context: WriteContext): Promise<ToolOutcome> {
    const [from, to] = [stringArgument(args["from"]), stringArgument(args["to"])];
    return this.#change(args, group, async (tree) => {
      await tree.move(from, to, context);
      return { result: { moved: from, to } };
    });
  }

  async #delete(args: Record<string, unknown>, group: string): Promise<ToolOutcome> {
    const path = stringArgument(args["path"]);
    return this.#change(args, group, async (tree) => {
      await tree.delete(path);
      return { result: { deleted: path } };
    });
  }

  async shutdown(): Promise<void> {
    this.#openMarks?.close();
    this.#openMarks = undefined;
  }
}

function stringArgument(value: unknown): string {
  return typeof value === "string" ? value : "";
}

async function read(tree: SharedTree, args: Record<string, unknown>): Promise<ToolOutcome> {
  const offset = typeof args["offset"] === "number" ? args["offset"] : 0;
  const requested = typeof args["length"] === "number" ? args["length"] : filesLimits.readBytes;
  const { bytes, size, untrusted } = await tree.read(
    stringArgument(args["path"]),
    offset,
    Math.min(requested, filesLimits.readBytes),
  );
  const encoding = args["encoding"] === "base64" ? "base64" : "text";
  // A character that the range splits is read with the next range.
  const chunk = encoding === "text" && offset + bytes.length < size ? completeCharacters(bytes) : bytes;
  const next = offset + chunk.length;
  const content = encoding === "base64" ? chunk.toString("base64") : decodeUtf8(chunk);
  const range = { offset, bytes: chunk.length, size, ...(next < size ? { next_offset: next } : {}) };
  return { result: { content, encoding, ...range }, untrusted };
}

function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw refused("This file is not UTF-8 text. Read it with the encoding base64", "encoding");
  }
}

/** Drops an incomplete character at the end, but always keeps at least one byte. */
function completeCharacters(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, bytes.length - 1); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return bytes;
    if (byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > back ? bytes.subarray(0, bytes.length - back) : bytes;
  }
  return bytes;
}

async function write(
  tree: SharedTree,
  args: Record<string, unknown>,
  context: WriteContext,
): Promise<ToolOutcome> {
  const text = stringArgument(args["content"]);
  const base64 = args["encoding"] === "base64";
  if (base64 ? !/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0 : !text.isWellFormed()) {
    throw refused(base64 ? "The content is not base64" : "The content is not well-formed text", "content");
  }
  const content = Buffer.from(text, base64 ? "base64" : "utf8");
  if (content.length > filesLimits.writeBytes) {
    throw refused(`A single write is limited to ${filesLimits.writeBytes} bytes`, "content");
  }
  const mode = (["replace", "append"] as const).find((each) => each === args["mode"]) ?? "create";
  const path = stringArgument(args["path"]);
  const size = await tree.write(path, content, mode, context);
  return { result: { written: path, size } };
}

export default new FilesHandler();
