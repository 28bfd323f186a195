import {
  booleanQuery,
  type Exchange,
  parseJson,
  readText,
  requiredQuery,
  requireJsonContent,
  requireUncompressed,
  sendJson,
} from "../http/exchange.ts";
import { invalid, isRecord } from "../http/problem.ts";
import type { Route } from "../http/router.ts";
import { KeyedLock } from "../internal/keyed-lock.ts";
import type { SandboxLimits } from "../limits.ts";
import { checkChange } from "./conditions.ts";
import { computeEtag, describe } from "./describe.ts";
import { operationFailed, withSystemErrors } from "./failures.ts";
import { remove, withDirectory } from "./paths/directory.ts";
import { move } from "./paths/move.ts";
import { decodeName, type PathText, toDisplay } from "./paths/names.ts";
import type { Paths, Place, WalkOptions } from "./paths/paths.ts";
import { sendFile, sendSmallFile } from "./read.ts";
import { hasCode, lstat, lstatIfExists, mkdir, readdir, readlink } from "./system.ts";
import { lockKey, receiveFile } from "./write.ts";

/** Number of directory entries that are read concurrently. */
const batchSize = 64;
const defaultMatches = 1_000;
const maxMatches = 10_000;

/**
 * Routes `/v1/fs`: files of any size in constant memory, written to a temporary file and renamed. Rarely used modules
 * are loaded on demand to save memory.
 */
export class FsRoutes {
  readonly #paths: Paths;
  readonly #limits: SandboxLimits;
  readonly #lock = new KeyedLock();

  constructor(paths: Paths, limits: SandboxLimits) {
    this.#paths = paths;
    this.#limits = limits;
  }

  routes(): readonly Route[] {
    return [
      { path: "/v1/fs/entries", methods: { GET: withSystemErrors((exchange) => this.#entries(exchange)) } },
      {
        path: "/v1/fs/file",
        methods: {
          GET: withSystemErrors((exchange) => this.#read(exchange)),
          PUT: withSystemErrors((exchange) => this.#write(exchange)),
        },
      },
      { path: "/v1/fs/stat", methods: { GET: withSystemErrors((exchange) => this.#stat(exchange)) } },
      { path: "/v1/fs/mkdir", methods: { POST: withSystemErrors((exchange) => this.#mkdir(exchange)) } },
      { path: "/v1/fs/entry", methods: { DELETE: withSystemErrors((exchange) => this.#delete(exchange)) } },
      { path: "/v1/fs/move", methods: { POST: withSystemErrors((exchange) => this.#move(exchange)) } },
      {
        path: "/v1/fs/upload-batch",
        methods: { POST: withSystemErrors((exchange) => this.#upload(exchange)) },
      },
      { path: "/v1/fs/archive", methods: { GET: withSystemErrors((exchange) => this.#archive(exchange)) } },
      { path: "/v1/fs/search", methods: { GET: withSystemErrors((exchange) => this.#search(exchange)) } },
      { path: "/v1/fs/diff", methods: { GET: withSystemErrors((exchange) => this.#diff(exchange)) } },
      { path: "/v1/fs/watch", methods: { GET: withSystemErrors((exchange) => this.#watch(exchange)) } },
    ];
  }

  /** Resolves the path of the request, and releases it after `use`. */
  async #withRequestPath<T>(
    exchange: Exchange,
    options: WalkOptions,
    use: (place: Place) => Promise<T>,
  ): Promise<T> {
    return await this.#withPlace(requestPath(exchange), options, use);
  }

  async #withPlace<T>(path: PathText, options: WalkOptions, use: (place: Place) => Promise<T>): Promise<T> {
    const place = await this.#paths.walk(path, options);
    try {
      return await use(place);
    } finally {
      await place.close();
    }
  }

  async #read(exchange: Exchange): Promise<void> {
    const path = requestPath(exchange);
    const inLine = !this.#paths.mayHang(path);
    if (inLine && this.#paths.needsNoWalk(path) && trySendSmallFile(exchange, this.#paths.absolute(path)))
      return;
    await this.#withRequestPath(exchange, followLinks, (place) => sendFile(exchange, place, inLine));
  }

  async #entries(exchange: Exchange): Promise<void> {
    const path = requestPath(exchange, this.#paths.home);
    const marksIgnored = booleanQuery(exchange, "markIgnored");
    const entries = await this.#withPlace(path, followLinks, (place) =>
      withDirectory(place.path, async (inside) => {
        const [names, silent] = await Promise.all([readdir(inside), this.#paths.hungMountsIn(place.display)]);
        const ignored = marksIgnored ? await namesIgnoredIn(inside, names) : undefined;
        const described: object[] = [];
        for (let at = 0; at < names.length; at += batchSize) {
          exchange.signal.throwIfAborted();
          const batch = names.slice(at, at + batchSize);
          const found = await Promise.all(
            batch.map(async (name) => {
              const entry = await describeEntry(place.display, inside, name, silent.has(name));
              return entry && ignored?.has(name) ? { ...entry, ignored: true } : entry;
            }),
          );
          for (const item of found) if (item) described.push(item);
        }
        return described;
      }),
    );
    sendJson(exchange.response, entries);
  }

  async #stat(exchange: Exchange): Promise<void> {
    const follow = !booleanQuery(exchange, "noFollow");
    const found = await this.#withRequestPath(exchange, { follow }, async (place) => {
      const stat = await lstat(place.path);
      const target = stat.isSymbolicLink() ? { target: toDisplay(await readlink(place.path)).path } : {};
      return { ...describe(place.display, stat), ...target, etag: computeEtag(stat) };
    });
    sendJson(exchange.response, found);
  }

  async #write(exchange: Exchange): Promise<void> {
    requireUncompressed(exchange);
    if (requestPath(exchange).endsWith("/")) throw operationFailed("EISDIR: is a directory");
    const result = await this.#withRequestPath(
      exchange,
      { follow: true, makeParents: true },
      async (place) => {
        const { bytesWritten, etag } = await receiveFile(
          exchange,
          place,
          this.#limits.maxFileBytes,
          this.#lock,
        );
        // The body is exactly the peer's, so the validator is in a header only.
        exchange.response.setHeader("etag", etag);
        return { ...toDisplay(place.display), bytesWritten };
      },
    );
    sendJson(exchange.response, result);
  }

  async #mkdir(exchange: Exchange): Promise<void> {
    const made = await this.#withRequestPath(exchange, { follow: true, makeParents: true }, async (place) => {
      await mkdir(place.path).catch(async (error: unknown) => {
        if (!hasCode(error, "EEXIST") || !(await lstat(place.path)).isDirectory()) throw error;
      });
      return toDisplay(place.display);
    });
    sendJson(exchange.response, made);
  }

  async #delete(exchange: Exchange): Promise<void> {
    const recursive = booleanQuery(exchange, "recursive");
    const removed = await this.#withRequestPath(
      exchange,
      { follow: false, tree: recursive },
      async (place) => {
        if (place.name === ".") throw invalid("the root directory cannot be deleted");
        await this.#lock.run(await lockKey(place), async () => {
          const stat = await lstatIfExists(place.path);
          checkChange(exchange.request.headers, stat && computeEtag(stat));
          await remove(place.path, recursive);
        });
        return toDisplay(place.display);
      },
    );
    sendJson(exchange.response, removed);
  }

  async #move(exchange: Exchange): Promise<void> {
    requireJsonContent(exchange);
    const request = parseMove(parseJson(await readText(exchange, this.#limits.maxJsonBytes)));
    const moved = await this.#withPlace(request.from, { follow: false, tree: true }, async (from) => {
      // Report a missing source before the parents of the destination are created.
      const source = await lstat(from.path);
      if (request.to.endsWith("/") && !source.isDirectory()) throw invalid("ENOTDIR: not a directory");
      return await this.#withPlace(request.to, { follow: false, makeParents: true }, async (to) => {
        await this.#lock.run(await lockKey(to), () => move(from, to, request.overwrite, exchange.signal));
        return { from: toDisplay(from.display).path, to: toDisplay(to.display).path };
      });
    });
    sendJson(exchange.response, moved);
  }

  async #upload(exchange: Exchange): Promise<void> {
    requireUncompressed(exchange);
    const path = requestPath(exchange, this.#paths.home);
    const { receiveTar } = await import("./trees/tar-upload.ts");
    const uploaded = await this.#withPlace(path, { follow: true, makeParents: true }, (place) =>
      receiveTar(exchange, this.#paths, place, this.#limits.maxFileBytes),
    );
    sendJson(exchange.response, uploaded);
  }

  async #archive(exchange: Exchange): Promise<void> {
    const gzip = booleanQuery(exchange, "gzip");
    const { sendTar } = await import("./trees/tar-download.ts");
    await this.#withPlace(requestPath(exchange, this.#paths.home), followIntoTree, (place) =>
      sendTar(exchange, place, gzip),
    );
  }

  async #search(exchange: Exchange): Promise<void> {
    const { query, signal } = exchange;
    const [pattern, name, glob] = [query.get("pattern"), query.get("name"), query.get("glob")];
    if (!pattern && !name && !glob)
      throw invalid("missing required 'pattern', 'name' or 'glob' query parameter");
    if (pattern && name) throw invalid("'name' finds files by their path, and goes without 'pattern'");
    const request = {
      ...(pattern ? { pattern } : {}),
      ...(name ? { name } : {}),
      ...(glob ? { glob } : {}),
      regex: booleanQuery(exchange, "regex"),
      ignoreCase: booleanQuery(exchange, "ignoreCase"),
      skipIgnored: booleanQuery(exchange, "skipIgnored"),
      limit: countQuery(exchange, "limit", defaultMatches, maxMatches),
      timeoutMs: this.#limits.searchTimeoutMs,
      signal,
    };
    const { search } = await import("./search.ts");
    const found = await this.#withPlace(requestPath(exchange, this.#paths.home), followIntoTree, (place) =>
      search(place, request),
    );
    sendJson(exchange.response, found);
  }

  /** Responds with JSON or, if the client accepts `text/x-diff`, with one patch for `git apply`. */
  async #diff(exchange: Exchange): Promise<void> {
    const request = {
      context: countQuery(exchange, "context", 3, 100),
      limit: countQuery(exchange, "limit", defaultMatches, maxMatches),
      timeoutMs: this.#limits.searchTimeoutMs,
      signal: exchange.signal,
    };
    const { diffTrees } = await import("./trees/tree-diff.ts");
    const from = requiredQuery(exchange, "from");
    const to = requiredQuery(exchange, "to");
    const found = await this.#withPlace(from, followIntoTree, (before) =>
      this.#withPlace(to, followIntoTree, (after) => diffTrees(before, after, request)),
    );
    if (/\btext\/x-diff\b/i.test(exchange.request.headers.accept ?? "")) {
      const text = Buffer.from(found.files.map(({ patch }) => patch ?? "").join(""));
      const headers = { "content-type": "text/x-diff; charset=utf-8", "content-length": text.length };
      exchange.response.writeHead(200, { ...headers, "x-truncated": String(found.truncated) }).end(text);
      return;
    }
    sendJson(exchange.response, found);
  }

  async #watch(exchange: Exchange): Promise<void> {
    const recursive = booleanQuery(exchange, "recursive");
    const { sendChanges } = await import("./trees/watch.ts");
    await this.#withPlace(
      requestPath(exchange, this.#paths.home),
      { follow: true, tree: recursive },
      (place) => sendChanges(exchange, place, recursive, this.#limits),
    );
  }
}

const followLinks: WalkOptions = { follow: true };
const followIntoTree: WalkOptions = { follow: true, tree: true };

/**
 * Sends a small file without a walk, which is possible if there is no root to confine to. Returns false for everything
 * else, including links and errors, which the walk handles.
 */
function trySendSmallFile(exchange: Exchange, path: PathText): boolean {
  try {
    return sendSmallFile(exchange, path);
  } catch (error) {
    if (error instanceof Error && "syscall" in error && !exchange.response.headersSent) return false;
    throw error;
  }
}

/** The path in a request: as text, or as base64 for names that are not UTF-8. */
function requestPath(exchange: Exchange, defaultPath?: string): PathText {
  const encoded = exchange.query.get("pathBase64");
  if (encoded !== null) return decodeName(Buffer.from(encoded, "base64"));
  const given = exchange.query.get("path");
  // An empty path selects the default, if there is one.
  const path = given === null || (given === "" && defaultPath !== undefined) ? defaultPath : given;
  if (path === undefined) throw invalid("missing required 'path' query parameter");
  return path;
}

/** Reads a query parameter that must be an integer from 1 to `most`. */
function countQuery(exchange: Exchange, name: string, otherwise: number, most: number): number {
  const text = exchange.query.get(name);
  if (text === null) return otherwise;
  const count = Number(text);
  if (!/^\d{1,9}$/.test(text) || count < 1 || count > most)
    throw invalid(`query parameter '${name}' must be a number from 1 to ${most}`);
  return count;
}

/**
 * Describes a directory entry. Returns undefined if it was removed after the listing. A mount that does not respond is
 * reported as an empty directory.
 */
async function describeEntry(
  directory: PathText,
  inside: PathText,
  name: PathText,
  isHung: boolean,
): Promise<object | undefined> {
  const display = `${directory === "/" ? "" : directory}/${name}`;
  if (isHung) return { name: toDisplay(name).path, ...toDisplay(display), entryType: "directory", size: 0 };
  const stat = await lstatIfExists(`${inside}/${name}`);
  if (!stat) return undefined;
  const target = stat.isSymbolicLink()
    ? await readlink(`${inside}/${name}`).then(
        (text) => ({ target: toDisplay(text).path }),
        () => undefined,
      )
    : undefined;
  const described = describe(display, stat);
  return { name: toDisplay(name).path, ...described, ...target };
}

async function namesIgnoredIn(inside: PathText, names: readonly PathText[]): Promise<ReadonlySet<PathText>> {
  const { ignoredNames } = await import("./ignored.ts");
  return await ignoredNames(inside, names);
}

interface MoveRequest {
  readonly from: PathText;
  readonly to: PathText;
  readonly overwrite: boolean;
}

function parseMove(value: unknown): MoveRequest {
  const wrong = (detail: string) => invalid(detail, 422);
  if (!isRecord(value)) throw wrong("the request body must be an object");
  const { from, to, overwrite } = value;
  if (typeof from !== "string") throw wrong("from must be a string");
  if (typeof to !== "string") throw wrong("to must be a string");
  if (overwrite !== undefined && overwrite !== null && typeof overwrite !== "boolean")
    throw wrong("overwrite must be a boolean");
  return { from, to, overwrite: overwrite === true };
}
