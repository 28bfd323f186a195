import { type Accessible, readAccessible, registry } from "./accessible.ts";
import type { Bus, ObjectReference } from "./bus.ts";

/** How long the windows of one program may take to answer. */
const programTimeoutMs = 3_000;
/** Elements that are asked for at the same time. */
const batchSize = 50;

/** An element without those inside of it. */
export interface NodeDescription extends Omit<Accessible, "children"> {
  readonly id: string;
}

/** An element of the tree, as it is on the wire. */
export interface TreeNode extends NodeDescription {
  /** True for a program that did not answer in time: its children are missing. */
  readonly unresponsive?: true;
  readonly children: readonly TreeNode[];
}

export interface AccessibilityTree {
  /** The programs on the desktop. */
  readonly nodes: readonly TreeNode[];
  /** True if there are more nodes than were asked for. */
  readonly truncated: boolean;
}

export interface TreeOptions {
  readonly maxNodes: number;
  /** Also elements that are not on the screen: scrolled away, in closed menus, on other tabs. */
  readonly showHidden: boolean;
}

interface GrowingNode extends TreeNode {
  unresponsive?: true;
  readonly children: GrowingNode[];
}

/** Reads the windows of all programs, level by level, so that a bound cuts the deepest elements. */
export async function readTree(bus: Bus, options: TreeOptions): Promise<AccessibilityTree> {
  const budget = { left: options.maxNodes, truncated: false };
  const { children: programs } = await readAccessible(bus, registry);
  const nodes: GrowingNode[] = [];
  const readings = programs.map(
    async (program) => await new Reading(bus, options, budget, nodes).read(program),
  );
  await Promise.all(readings);
  return { nodes, truncated: budget.truncated };
}

/** The reading of one program. */
class Reading {
  readonly #bus: Bus;
  readonly #showHidden: boolean;
  readonly #budget: { left: number; truncated: boolean };
  readonly #nodes: GrowingNode[];
  readonly #seen = new Set<string>();
  #late = false;

  constructor(
    bus: Bus,
    { showHidden }: TreeOptions,
    budget: { left: number; truncated: boolean },
    nodes: GrowingNode[],
  ) {
    this.#bus = bus;
    this.#showHidden = showHidden;
    this.#budget = budget;
    this.#nodes = nodes;
  }

  async read(program: ObjectReference): Promise<void> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, programTimeoutMs);
    const reading = this.#readLevels(program);
    // After the timeout, the end of the connection rejects what is open.
    reading.catch(() => {});
    const finished = await Promise.race([reading.then(() => true), late.then(() => false)]).finally(() =>
      clearTimeout(timer),
    );
    if (finished) return;
    this.#late = true;
    const root = this.#nodes.find(({ id }) => id === idOf(program));
    if (root === undefined) {
      this.#nodes.push({
        id: idOf(program),
        role: "application",
        name: "",
        states: [],
        unresponsive: true,
        children: [],
      });
    } else {
      root.unresponsive = true;
    }
  }

  async #readLevels(program: ObjectReference): Promise<void> {
    let level: { readonly element: ObjectReference; readonly siblings: GrowingNode[] }[] = [
      { element: program, siblings: this.#nodes },
    ];
    while (level.length > 0) {
      const next: typeof level = [];
      for (let at = 0; at < level.length && !this.#late; at += batchSize) {
        const batch = level.slice(at, at + batchSize);
        const found = await Promise.all(batch.map(async ({ element }) => await this.#readOne(element)));
        if (this.#late) return;
        for (const [index, { element, siblings }] of batch.entries()) {
          const accessible = found[index];
          if (accessible === undefined || !this.#admits(accessible)) continue;
          if (this.#budget.left === 0) {
            this.#budget.truncated = true;
            return;
          }
          this.#budget.left -= 1;
          const { children, ...rest } = accessible;
          const node: GrowingNode = { id: idOf(element), ...rest, children: [] };
          siblings.push(node);
          next.push(...children.map((child) => ({ element: child, siblings: node.children })));
        }
      }
      level = next;
    }
  }

  /** Undefined for an element that has gone, or that was read before. */
  async #readOne(element: ObjectReference): Promise<Accessible | undefined> {
    const id = idOf(element);
    if (this.#seen.has(id)) return undefined;
    this.#seen.add(id);
    return await readAccessible(this.#bus, element).catch(() => undefined);
  }

  /** A program has no place on the screen, and no states. */
  #admits({ role, states }: Accessible): boolean {
    return this.#showHidden || role === "application" || states.includes("showing");
  }
}

export function describeNode({ children: _children, ...description }: TreeNode): NodeDescription {
  return description;
}

export function idOf({ name, path }: ObjectReference): string {
  return `${name}${path}`;
}

/** The element that an id names; undefined if it is not an id. */
export function elementOf(id: string): ObjectReference | undefined {
  const [, name, path] = /^(:\d+\.\d+)((?:\/[A-Za-z0-9_]+)+)$/.exec(id) ?? [];
  return name === undefined || path === undefined ? undefined : { name, path };
}
