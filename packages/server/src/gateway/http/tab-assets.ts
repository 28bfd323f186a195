import { readFile, realpath } from "node:fs/promises";
import { extname, join, sep } from "node:path";
import { HoldfastError } from "@holdfast/core";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
};

/** Reads a file of a custom inspector tab; never outside its directory, and no hidden files. */
interface TabFile {
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

/** A tab of a definition; a hidden one has no directory. */
interface Tab {
  readonly id: string;
  readonly source?: string;
}

/** Reads the file at `path`, which begins with the id of its tab. Throws `inspector.not_found`. */
export async function tabAsset(tabs: readonly Tab[], path: string): Promise<TabFile> {
  const [id, ...parts] = path.split("/").map(decodePart);
  const source = tabs.find((tab) => tab.id === id)?.source;
  const asset = parts.join("/");
  const name = asset === "" ? "index.html" : asset;
  const isPlain = name
    .split("/")
    .every((part) => part !== "" && !part.startsWith(".") && !/[\\\0]/.test(part));
  if (source === undefined || !isPlain) throw missing();
  try {
    const root = await realpath(source);
    const file = await realpath(join(root, name));
    if (!file.startsWith(root + sep)) throw missing();
    const contentType = types[extname(file).toLowerCase()] ?? "application/octet-stream";
    return { contentType, bytes: await readFile(file) };
  } catch {
    // Missing and unreadable files get the same error.
    throw missing();
  }
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw missing();
  }
}

function missing(): HoldfastError {
  return new HoldfastError("inspector", "not_found", "The tab has no such file", { statusCode: 404 });
}
