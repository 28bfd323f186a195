/**
 * Keeps the modules of all packages without their types in one file, from which programs of a checkout start: see
 * packages/holdfast/bin/checkout-sources.js, which reads it.
 */
import { globSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join } from "node:path";
import { root } from "./workspace.ts";

/** By path below the root: time of the last change in milliseconds, size, place and length of the text, in bytes. */
type StrippedIndex = Record<
  string,
  readonly [changedAt: number, size: number, place: number, length: number]
>;

interface Stripped {
  readonly index: StrippedIndex;
  readonly texts: Buffer;
}

/** Strips what has changed since the last time. */
export function stripSources(directory = root): void {
  const path = join(directory, ".cache", "sources.stripped");
  const before = readStripped(path);
  const index: StrippedIndex = {};
  const texts: Buffer[] = [];
  let place = 0;
  let changed = 0;
  for (const name of modulesOf(directory)) {
    const { mtimeMs, size } = statSync(join(directory, name));
    const kept = before?.index[name];
    const isKept = kept?.[0] === mtimeMs && kept[1] === size;
    const text = isKept
      ? before?.texts.subarray(kept[2], kept[2] + kept[3])
      : stripped(join(directory, name));
    if (!isKept) changed += 1;
    // What cannot be stripped fails where it is loaded.
    if (text === undefined) continue;
    index[name] = [mtimeMs, size, place, text.length];
    texts.push(text);
    place += text.length;
  }
  if (changed === 0 && Object.keys(index).length === Object.keys(before?.index ?? {}).length) return;
  const head = Buffer.from(JSON.stringify(index));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, Buffer.concat([length, head, ...texts]));
  renameSync(temporary, path);
}

/** Modules of programs: not those of pages, which are bundled, and not tests, which load once. */
function modulesOf(directory: string): string[] {
  return globSync("packages/*/src/**/*.ts", { cwd: directory })
    .filter((name) => !/\.test\.ts$|\.d\.ts$|\/web\//.test(name))
    .sort();
}

function stripped(path: string): Buffer | undefined {
  try {
    return Buffer.from(stripTypeScriptTypes(readFileSync(path, "utf8")));
  } catch {
    return undefined;
  }
}

function readStripped(path: string): Stripped | undefined {
  try {
    const bytes = readFileSync(path);
    const head = bytes.readUInt32LE();
    const index = JSON.parse(bytes.toString("utf8", 4, 4 + head)) as StrippedIndex;
    return { index, texts: bytes.subarray(4 + head) };
  } catch {
    return undefined;
  }
}

if (import.meta.main) stripSources();
