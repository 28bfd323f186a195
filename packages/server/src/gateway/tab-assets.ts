import { readFile, realpath } from "node:fs/promises";
import { extname, join, sep } from "node:path";
import type { InspectedTab } from "@holdfast/actors";
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

/** A file of a custom tab; nothing outside of its directory, and no hidden files. */
export class TabFile {
  readonly contentType: string;
  readonly bytes: Uint8Array;

  constructor(contentType: string, bytes: Uint8Array) {
    this.contentType = contentType;
    this.bytes = bytes;
  }
}

/** Throws `inspector.not_found`. */
export async function tabAsset(tabs: readonly InspectedTab[], id: string, asset: string): Promise<TabFile> {
  const source = tabs.find((tab) => tab.id === id && !tab.hidden)?.source;
  const name = asset === "" ? "index.html" : asset;
  const isPlain = name
    .split("/")
    .every((part) => part !== "" && !part.startsWith(".") && !/[\\\0]/.test(part));
  if (source === undefined || !isPlain) throw missing();
  try {
    const root = await realpath(source);
    const path = await realpath(join(root, name));
    if (!path.startsWith(root + sep)) throw missing();
    return new TabFile(
      types[extname(path).toLowerCase()] ?? "application/octet-stream",
      await readFile(path),
    );
  } catch {
    // Whether it is not there or not to be read makes no difference to who asks.
    throw missing();
  }
}

function missing(): HoldfastError {
  return new HoldfastError("inspector", "not_found", "There is no such file of a tab", { statusCode: 404 });
}
