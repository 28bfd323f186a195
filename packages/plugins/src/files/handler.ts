import type {
  CoreServices,
  PluginContext,
  PluginHandler,
  PluginServices,
  SharedFolder,
  ToolInvocationResult,
} from "@holdfast/gate/plugin";
import { OutsideMarks } from "./outside-marks.ts";
import { filesLimits, type Making, reasonOf, refused, SharedTree } from "./shared-tree.ts";

/** What is told, and whether words from outside may be in it. */
interface Told {
  readonly result: Record<string, unknown>;
  readonly untrusted?: boolean;
}

/** The folders that the operator shares. Who may use which is the operator's word and the gate's. */
class FilesHandler implements PluginHandler {
  #folders: Readonly<Record<string, SharedFolder>> = {};
  #groups: ReadonlyMap<string, readonly unknown[]> = new Map();
  /** The end of the last change of each folder: an append reads what it changes. */
  readonly #changes = new Map<string, Promise<unknown>>();
  #openMarks: OutsideMarks | undefined;

  get #marks(): OutsideMarks {
    if (this.#openMarks === undefined) throw new Error("The plugin is not initialized");
    return this.#openMarks;
  }

  async initialize(services: CoreServices & Partial<PluginServices>): Promise<void> {
    if (services.dataDirectory === undefined) throw new Error("The files need a folder for their marks");
    this.#folders = services.folders ?? {};
    const given: unknown = services.config?.["groups"] ?? {};
    const groups = Object.entries(Object(given)).map(([folder, each]): [string, readonly unknown[]] => {
      if (!Array.isArray(each) || !each.every((one) => typeof one === "string")) {
        throw new Error(`The groups of the folder ${folder} are a list of names`);
      }
      // A name that is mistaken would leave the folder open to all.
      if (!Object.hasOwn(this.#folders, folder)) throw new Error(`No folder ${folder} is shared`);
      return [folder, each];
    });
    this.#groups = new Map(groups);
    this.#openMarks = new OutsideMarks(services.dataDirectory, filesLimits.marks);
  }

  async handleToolInvocation(
    tool: string,
    args: Record<string, unknown>,
    { group, tainted }: PluginContext,
  ): Promise<ToolInvocationResult> {
    try {
      const make = { folders: args["make_folders"] === true, tainted: tainted === true };
      const { result, untrusted } = await this.#run(tool, args, group, make);
      return { ok: true, result, ...(untrusted === true ? { untrusted } : {}) };
    } catch (error) {
      throw reasonOf(error);
    }
  }

  async #run(tool: string, args: Record<string, unknown>, group: string, make: Making): Promise<Told> {
    switch (tool) {
      case "files_list":
        return this.#list(args, group);
      case "files_stat":
        return { result: await this.#tree(args, group).stat(textOf(args["path"])) };
      case "files_read":
        return read(this.#tree(args, group), args);
      case "files_write":
        return this.#change(args, group, (tree) => write(tree, args, make));
      case "files_move":
        return this.#move(args, group, make);
      case "files_delete":
        return this.#delete(args, group);
      default:
        throw refused(`Unknown tool: "${tool}"`);
    }
  }

  /** Throws the same for a folder that is not there and one of another group. */
  #folder(name: string, group: string): SharedFolder | undefined {
    const allowed = this.#groups.get(name)?.includes(group) ?? true;
    return allowed && Object.hasOwn(this.#folders, name) ? this.#folders[name] : undefined;
  }

  #tree(args: Record<string, unknown>, group: string, wanted: "ro" | "rw" = "ro"): SharedTree {
    const folder = this.#folder(textOf(args["folder"]), group);
    if (folder === undefined) throw refused("No folder of that name is shared with this group", "folder");
    if (wanted === "rw" && folder.mode !== "rw") throw refused("The folder is shared for reading", "folder");
    return new SharedTree(folder, this.#marks);
  }

  /** One change of a folder after the other. */
  async #change<T>(
    args: Record<string, unknown>,
    group: string,
    change: (tree: SharedTree) => Promise<T>,
  ): Promise<T> {
    const tree = this.#tree(args, group, "rw");
    const folder = textOf(args["folder"]);
    const done = (this.#changes.get(folder) ?? Promise.resolve()).then(() => change(tree));
    const settled = done.catch(() => {});
    this.#changes.set(folder, settled);
    return done;
  }

  async #list(args: Record<string, unknown>, group: string): Promise<Told> {
    if (textOf(args["folder"]) === "") {
      if (textOf(args["path"]) !== "") throw refused("A path is below a shared folder: name that", "folder");
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
      textOf(args["path"]),
      textOf(args["after"]),
      Math.min(limit, filesLimits.entries),
    );
    return { result, untrusted };
  }

  async #move(args: Record<string, unknown>, group: string, make: Making): Promise<Told> {
    const [from, to] = [textOf(args["from"]), textOf(args["to"])];
    return this.#change(args, group, async (tree) => {
      await tree.move(from, to, make);
      return { result: { moved: from, to } };
    });
  }

  async #delete(args: Record<string, unknown>, group: string): Promise<Told> {
    const path = textOf(args["path"]);
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

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

async function read(tree: SharedTree, args: Record<string, unknown>): Promise<Told> {
  const offset = typeof args["offset"] === "number" ? args["offset"] : 0;
  const asked = typeof args["length"] === "number" ? args["length"] : filesLimits.readBytes;
  const { bytes, size, untrusted } = await tree.read(
    textOf(args["path"]),
    offset,
    Math.min(asked, filesLimits.readBytes),
  );
  const encoding = args["encoding"] === "base64" ? "base64" : "text";
  // A character that the range cuts comes with the next one.
  const whole = encoding === "text" && offset + bytes.length < size ? withoutCut(bytes) : bytes;
  const next = offset + whole.length;
  const content = encoding === "base64" ? whole.toString("base64") : decoded(whole);
  const range = { offset, bytes: whole.length, size, ...(next < size ? { next_offset: next } : {}) };
  return { result: { content, encoding, ...range }, untrusted };
}

function decoded(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw refused("This is no UTF-8 text: read it as base64", "encoding");
  }
}

/** Without the beginning of a character at the end; at least one byte is left. */
function withoutCut(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, bytes.length - 1); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return bytes;
    if (byte < 0xc0) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return length > back ? bytes.subarray(0, bytes.length - back) : bytes;
  }
  return bytes;
}

async function write(tree: SharedTree, args: Record<string, unknown>, make: Making): Promise<Told> {
  const text = textOf(args["content"]);
  const base64 = args["encoding"] === "base64";
  if (base64 ? !/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0 : !text.isWellFormed()) {
    throw refused(base64 ? "The content is not base64" : "The content is not whole text", "content");
  }
  const content = Buffer.from(text, base64 ? "base64" : "utf8");
  if (content.length > filesLimits.writeBytes) {
    throw refused(`At most ${filesLimits.writeBytes} bytes are written at a time`, "content");
  }
  const mode = (["replace", "append"] as const).find((each) => each === args["mode"]) ?? "create";
  const path = textOf(args["path"]);
  const size = await tree.write(path, content, mode, make);
  return { result: { written: path, size } };
}

export default new FilesHandler();
