import { HoldfastError } from "@holdfast/core";

/** One entry of a snapshot. The keys are short, since a snapshot may have very many. */
export interface Item {
  /** Path below the root. */
  readonly p: string;
  /** Folder, file or link. */
  readonly k: "d" | "f" | "l";
  /** Permission bits. */
  readonly m: number;
  /** Time of the last change. */
  readonly t: number;
  /** Size of a file. */
  readonly s?: number;
  /** The object with the content of a file, and where in it. Absent for an empty file. */
  readonly b?: string;
  readonly o?: number;
  /** Target of a link. */
  readonly l?: string;
  /** Signature of the file on this disk, by which an unchanged one is recognised. */
  readonly g?: string;
}

export const roots = ["home", "workspace"] as const;
export type Root = (typeof roots)[number];

/** A snapshot: what is in the folders of a machine, and which objects have the contents. */
export interface Manifest {
  readonly version: 1;
  readonly takenAt: number;
  /** The disk that the signatures belong to. */
  readonly place: string;
  readonly items: Readonly<Record<Root, readonly Item[]>>;
  /** Sizes of the objects, by hash. */
  readonly objects: Readonly<Record<string, number>>;
}

export function encodeManifest(manifest: Manifest): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(manifest));
}

/** Throws `agent_os.snapshot_damaged`. */
export function decodeManifest(bytes: Uint8Array | undefined): Manifest {
  const value: unknown = bytes === undefined ? undefined : JSON.parse(new TextDecoder().decode(bytes));
  if (typeof value === "object" && value !== null && "version" in value && value.version === 1)
    return value as Manifest;
  const message =
    "The snapshot of this machine is missing, or of a newer version. Restore the actor from a backup.";
  throw new HoldfastError("agent_os", "snapshot_damaged", message, { statusCode: 500 });
}

/** Bytes of each object that the items use. */
export function usedBytes(items: Iterable<Item>): Map<string, number> {
  const used = new Map<string, number>();
  for (const { b, s = 0 } of items) if (b !== undefined) used.set(b, (used.get(b) ?? 0) + s);
  return used;
}

export function* allItems(manifest: Manifest): Generator<Item> {
  for (const root of roots) yield* manifest.items[root];
}
