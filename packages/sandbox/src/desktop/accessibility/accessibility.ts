import { isHoldfastError } from "@holdfast/core";
import { problem } from "../../http/problem.ts";
import { installCommand } from "../display/programs.ts";
import { invalidAction } from "../errors.ts";
import type { Point } from "../input/mouse.ts";
import { readAccessible } from "./accessible.ts";
import { Bus } from "./bus.ts";
import { Changes } from "./changes.ts";
import { findByName, type NodeQuery } from "./find.ts";
import type { SessionBus } from "./session-bus.ts";
import {
  type AccessibilityTree,
  elementOf,
  type NodeDescription,
  readTree,
  type TreeOptions,
} from "./tree.ts";

/** Elements that a search by name looks at. */
const maxSearchedNodes = 10_000;

/** Names an element: by its id in the tree, or by its name on the screen. */
export type NodeTarget = { readonly id: string } | NodeQuery;

export interface FoundNode {
  readonly node: NodeDescription;
  /** The middle of what is seen of it. */
  readonly center: Point;
}

/** The windows of a desktop as their programs describe them: elements with roles, names, states and positions. */
export class Accessibility {
  readonly #session: SessionBus | undefined;
  readonly #screen: { readonly width: number; readonly height: number };

  constructor(session: SessionBus | undefined, screen: { readonly width: number; readonly height: number }) {
    this.#session = session;
    this.#screen = screen;
  }

  async tree(options: TreeOptions): Promise<AccessibilityTree> {
    return await this.#use(async (bus) => await readTree(bus, options));
  }

  /**
   * Finds an element on the screen; waits up to `timeoutMs` until it is there. Throws `accessible_not_found`,
   * `accessible_ambiguous`, `accessible_hidden`.
   */
  async find(target: NodeTarget, timeoutMs: number): Promise<FoundNode> {
    return await this.#use(async (bus) => {
      const deadline = performance.now() + timeoutMs;
      const changes = timeoutMs > 0 ? await Changes.watch(bus) : undefined;
      for (;;) {
        try {
          return await this.#findNow(bus, target);
        } catch (error) {
          const remainingMs = deadline - performance.now();
          if (changes === undefined || remainingMs <= 0 || !mayStillCome(error)) throw error;
          await changes.next(remainingMs);
        }
      }
    });
  }

  async #findNow(bus: Bus, target: NodeTarget): Promise<FoundNode> {
    const node =
      "id" in target
        ? await readNode(bus, target.id)
        : findByName(await readTree(bus, { maxNodes: maxSearchedNodes, showHidden: false }), target);
    return { node, center: this.#centerOf(node) };
  }

  #centerOf({ name, states, bounds }: NodeDescription): Point {
    const { width, height } = this.#screen;
    const left = Math.max(0, bounds?.x ?? 0);
    const top = Math.max(0, bounds?.y ?? 0);
    const right = Math.min(width, (bounds?.x ?? 0) + (bounds?.width ?? 0));
    const bottom = Math.min(height, (bounds?.y ?? 0) + (bounds?.height ?? 0));
    if (!states.includes("showing") || right <= left || bottom <= top) {
      throw problem(
        "accessible_hidden",
        409,
        `"${name}" is not on the screen: scroll to it, or open what hides it`,
      );
    }
    return { x: Math.floor((left + right) / 2), y: Math.floor((top + bottom) / 2) };
  }

  /** Connects for one request, so that a program that never answers leaves nothing behind. */
  async #use<T>(work: (bus: Bus) => Promise<T>): Promise<T> {
    if (this.#session === undefined) {
      throw problem(
        "desktop_dependencies_missing",
        503,
        `the accessibility tree needs dbus-daemon and at-spi2-core, installed before the desktop starts: ${installCommand}`,
        { missingDependencies: ["dbus-daemon", "at-spi-bus-launcher"], installCommand },
      );
    }
    const session = await Bus.connect(this.#session.address);
    let bus: Bus | undefined;
    try {
      const launcher = { name: "org.a11y.Bus", path: "/org/a11y/bus" };
      const [address] = await session.call(launcher, "org.a11y.Bus", "GetAddress");
      bus = await Bus.connect(String(address));
      return await work(bus);
    } finally {
      bus?.close();
      session.close();
    }
  }
}

function mayStillCome(error: unknown): boolean {
  return isHoldfastError(error) && ["accessible_not_found", "accessible_hidden"].includes(error.code);
}

async function readNode(bus: Bus, id: string): Promise<NodeDescription> {
  const element = elementOf(id);
  if (element === undefined) throw invalidAction("id must be that of a node of GET /v1/desktop/tree");
  const found = await readAccessible(bus, element).catch(() => {
    throw problem("accessible_not_found", 404, `the element ${id} has gone: see GET /v1/desktop/tree`);
  });
  const { children: _children, ...node } = found;
  return { id, ...node };
}
