/** Protection from hung mounts: reads the mount table and probes mounts before paths on them are used. */
import { problem } from "../../http/problem.ts";
import { MountProbe } from "./mount-probe.ts";
import { destinationOf, readMountTable } from "./mount-table.ts";

/** How long the mount table is cached. */
const tableMs = 1_000;

/**
 * Keeps this process off hung mounts (a network file system without its server, a hung FUSE): a call on one
 * never returns and blocks a thread of the pool, or the event loop. Before a path on such a file system is used,
 * a separate process probes it. For other paths the check is a look-up in a list that is mostly empty.
 */
export class Mounts {
  readonly #probes = new Map<string, MountProbe>();
  #points: readonly string[] = [];
  #readAt = Number.NEGATIVE_INFINITY;

  /** Whether any file system is mounted that may hang. */
  get any(): boolean {
    return this.#current().length > 0;
  }

  /** Whether a path is on a file system that may hang, so that synchronous calls must not be made on it. */
  isServed(path: string): boolean {
    const points = this.#current();
    return points.length > 0 && pointsOn(destinationOf(path, points), points).length > 0;
  }

  /**
   * Resolves when every mount that the absolute `paths` lead to has responded; undefined if no mount needs a probe.
   * Rejects with `sandbox.mount_not_responding`.
   */
  reach(paths: readonly string[]): Promise<void> | undefined {
    const points = this.#current();
    if (points.length === 0) return undefined;
    const asked = new Set(paths.flatMap((path) => pointsOn(destinationOf(path, points), points)));
    return asked.size === 0 ? undefined : this.#demand([...asked]);
  }

  /** Like {@link reach}, for a directory and everything below it. */
  reachTree(path: string): Promise<void> | undefined {
    const points = this.#current();
    if (points.length === 0) return undefined;
    const place = destinationOf(path, points);
    const asked = points.filter((point) => isWithin(place, point) || isWithin(point, place));
    return asked.length === 0 ? undefined : this.#demand(asked);
  }

  /** The names in a directory that lead to a mount that does not respond. */
  async silentIn(directory: string): Promise<ReadonlySet<string>> {
    const points = this.#current();
    if (points.length === 0) return new Set();
    const parent = destinationOf(directory, points).replace(/\/$/, "");
    const inside = points.filter((point) => point.slice(0, point.lastIndexOf("/")) === parent);
    const silent = await this.#silent(inside);
    return new Set(silent.map((point) => point.slice(parent.length + 1)));
  }

  close(): void {
    for (const probe of this.#probes.values()) probe.close();
  }

  async #demand(points: readonly string[]): Promise<void> {
    const [silent] = await this.#silent(points);
    if (silent === undefined) return;
    throw problem("mount_not_responding", 504, `the file system at "${silent}" does not respond`);
  }

  async #silent(points: readonly string[]): Promise<readonly string[]> {
    const answers = await Promise.all(points.map((point) => this.#probe(point).answers()));
    return points.filter((_, index) => answers[index] === false);
  }

  #probe(point: string): MountProbe {
    const known = this.#probes.get(point);
    if (known) return known;
    const probe = new MountProbe(point);
    this.#probes.set(point, probe);
    return probe;
  }

  #current(): readonly string[] {
    const now = performance.now();
    if (now - this.#readAt < tableMs) return this.#points;
    this.#readAt = now;
    this.#points = readMountTable();
    // Drop the probes of mounts that no longer exist.
    for (const [point, probe] of this.#probes) {
      if (this.#points.includes(point)) continue;
      probe.close();
      this.#probes.delete(point);
    }
    return this.#points;
  }
}

function pointsOn(place: string, points: readonly string[]): string[] {
  return points.filter((point) => isWithin(place, point));
}

function isWithin(place: string, directory: string): boolean {
  return place === directory || directory === "/" || place.startsWith(`${directory}/`);
}
