import { problem } from "../../http/problem.ts";
import { type AccessibilityTree, describeNode, type NodeDescription, type TreeNode } from "./tree.ts";

/** Candidates that an error names. */
const maxCandidates = 20;

/** Roles of what contains elements: a window may have the name of a button in it. */
const containers = new Set(["application", "frame", "window", "document web", "document frame", "panel"]);

export interface NodeQuery {
  readonly name: string;
  readonly role: string | undefined;
}

/**
 * Finds the one element with a name: in the same spelling, else in any case. Of several, those that take the focus are
 * meant, and of one inside of another the inner. Throws `accessible_not_found`, `accessible_ambiguous`.
 */
export function findByName(tree: AccessibilityTree, { name, role }: NodeQuery): NodeDescription {
  const wanted = name.trim();
  const all = tree.nodes.flatMap(withDescendants);
  const suitable = all.filter((node) =>
    role === undefined ? !containers.has(node.role) : node.role === role.trim().toLowerCase(),
  );
  const exact = suitable.filter((node) => node.name.trim() === wanted);
  const named =
    exact.length > 0
      ? exact
      : suitable.filter((node) => node.name.trim().toLowerCase() === wanted.toLowerCase());
  const focusable = named.filter(({ states }) => states.includes("focusable"));
  const innermost = withoutOuter(focusable.length > 0 ? focusable : named);
  const [found, ...others] = innermost;
  const what = `${role === undefined ? "element" : role} with the name "${name}"`;
  if (found === undefined) {
    throw problem("accessible_not_found", 404, `there is no ${what} on the screen: see GET /v1/desktop/tree`);
  }
  if (others.length > 0) {
    throw problem(
      "accessible_ambiguous",
      409,
      `there is more than one ${what}: name its role, or click one of the candidates by its id`,
      { candidates: innermost.slice(0, maxCandidates).map(describeNode) },
    );
  }
  return describeNode(found);
}

function withDescendants(node: TreeNode): TreeNode[] {
  return [node, ...node.children.flatMap(withDescendants)];
}

function withoutOuter(nodes: readonly TreeNode[]): TreeNode[] {
  const found = new Set(nodes);
  return nodes.filter((node) => !node.children.flatMap(withDescendants).some((inner) => found.has(inner)));
}
