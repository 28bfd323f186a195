/** Protection from hung mounts: reads the mount table and probes mounts before paths on them are used. */
import { problem } from "../../http/problem.ts";
import { MountProbe } from "./mount-probe.ts";
import { readMountTable, resolveDestination } from "./mount-table.ts";

/** How long the mount table is cached. */
const tableCacheMs = 1_000;

/**
 * Prevents calls on hung mounts, such as a network file system without its server or a hung FUSE. A call on one never
 * returns and blocks a thread of the pool or the event loop. Before a path on such a file system is used, a separate
 * process probes it. For other paths the check is a look-up in a list that is mostly empty.
 */
export class Mounts {
  readonly #probes = new Map<string, MountProbe>();
  #points: readonly string[] = [];
  #readAt = Number.NEGATIVE_INFINITY;

  /** Whether any file system is mounted that may hang. */
  get hasAny(): boolean {
    return this.#currentPoints().length > 0;
  }

  /** Whether a path is on a file system that may hang, so that synchronous calls must not be made on it. */
  mayHang(path: string): boolean {
    const points = this.#currentPoints();
    return points.length > 0 && pointsOn(resolveDestination(path, points), points).length > 0;
  }

  /**
   * Resolves when every mount that the absolute `paths` lead to has responded; undefined if no mount needs a probe.
   * Rejects with `sandbox.mount_not_responding`.
   */
  checkResponsive(paths: readonly string[]): Promise<void> | undefined {
    const points = this.#currentPoints();
    if (points.length === 0) return undefined;
    const required = new Set(paths.flatMap((path) => pointsOn(resolveDestination(path, points), points)));
    return required.size === 0 ? undefined : this.#requireResponsive([...required]);
  }

  /** Like {@link checkResponsive}, for a directory and everything below it. */
  checkTreeResponsive(path: string): Promise<void> | undefined {
    const points = this.#currentPoints();
    if (points.length === 0) return undefined;
    const destination = resolveDestination(path, points);
    const required = points.filter((point) => isWithin(destination, point) || isWithin(point, destination));
    return required.length === 0 ? undefined : this.#requireResponsive(required);
  }

  /** Returns the names in a directory that are mount points without a response. */
  async hungNamesIn(directory: string): Promise<ReadonlySet<string>> {
    const points = this.#currentPoints();
    if (points.length === 0) return new Set();
    const parent = resolveDestination(directory, points).replace(/\/$/, "");
    const inside = points.filter((point) => point.slice(0, point.lastIndexOf("/")) === parent);
    const hung = await this.#findHung(inside);
    return new Set(hung.map((point) => point.slice(parent.length + 1)));
  }

  close(): void {
    for (const probe of this.#probes.values()) probe.close();
  }

  async #requireResponsive(points: readonly string[]): Promise<void> {
    const [hung] = await this.#findHung(points);
    if (hung === undefined) return;
    throw problem("mount_not_responding", 504, `the file system at "${hung}" does not respond`);
  }

  async #findHung(points: readonly string[]): Promise<readonly string[]> {
    const answers = await Promise.all(points.map((point) => this.#probe(point).isResponsive()));
    return points.filter((_, index) => answers[index] === false);
  }

  #probe(point: string): MountProbe {
    const existing = this.#probes.get(point);
    if (existing) return existing;
    const probe = new MountProbe(point);
    this.#probes.set(point, probe);
    return probe;
  }

  #currentPoints(): readonly string[] {
    const now = performance.now();
    if (now - this.#readAt < tableCacheMs) return this.#points;
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

function pointsOn(path: string, points: readonly string[]): string[] {
  return points.filter((point) => isWithin(path, point));
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || directory === "/" || path.startsWith(`${directory}/`);
}
