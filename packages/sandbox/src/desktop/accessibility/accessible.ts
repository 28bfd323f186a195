import type { Bus, ObjectReference } from "./bus.ts";
import { stateNames } from "./states.ts";

const prefix = "org.a11y.atspi";
/** Positions are those of the screen. */
const screenCoordinates = 0;
/** Longer names and values are cut. */
const maxTextCharacters = 1_000;

export interface Bounds {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** What a program tells about one element of its windows. */
export interface Accessible {
  readonly role: string;
  readonly name: string;
  readonly states: readonly string[];
  /** Absent for what has no place on the screen, such as a program. */
  readonly bounds?: Bounds;
  /** The text of an element that people edit, except of passwords. */
  readonly value?: string;
  readonly children: readonly ObjectReference[];
}

/** Root of the tree: its children are the programs. */
export const registry: ObjectReference = {
  name: `${prefix}.Registry`,
  path: "/org/a11y/atspi/accessible/root",
};

/** Asks the program of an element for everything that the tree shows of it. */
export async function readAccessible(bus: Bus, element: ObjectReference): Promise<Accessible> {
  const of = `${prefix}.Accessible`;
  const [[role], [name], [states], bounds, [children]] = await Promise.all([
    bus.call(element, of, "GetRoleName"),
    bus.call(element, "org.freedesktop.DBus.Properties", "Get", "ss", [of, "Name"]),
    bus.call(element, of, "GetState"),
    readBounds(bus, element),
    bus.call(element, of, "GetChildren"),
  ]);
  const found = stateNames(numbersOf(states));
  const value =
    found.includes("editable") && role !== "password text" ? await readText(bus, element) : undefined;
  return {
    role: textOf(role),
    name: textOf(variantValue(name)),
    states: found,
    ...(bounds === undefined ? {} : { bounds }),
    ...(value === undefined ? {} : { value }),
    children: referencesOf(children),
  };
}

async function readBounds(bus: Bus, element: ObjectReference): Promise<Bounds | undefined> {
  try {
    const [extents] = await bus.call(element, `${prefix}.Component`, "GetExtents", "u", [screenCoordinates]);
    const [x = 0, y = 0, width = 0, height = 0] = numbersOf(extents);
    return { x, y, width, height };
  } catch {
    return undefined;
  }
}

async function readText(bus: Bus, element: ObjectReference): Promise<string | undefined> {
  try {
    const [text] = await bus.call(element, `${prefix}.Text`, "GetText", "ii", [0, -1]);
    return textOf(text);
  } catch {
    return undefined;
  }
}

/** The value of a variant, which comes after its type. */
function variantValue(variant: unknown): unknown {
  if (!Array.isArray(variant)) return undefined;
  const [, values] = variant as unknown[];
  return Array.isArray(values) ? values[0] : undefined;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value.slice(0, maxTextCharacters) : "";
}

function numbersOf(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "number") : [];
}

function referencesOf(value: unknown): ObjectReference[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((pair: unknown) => {
    if (!Array.isArray(pair)) return [];
    const [name, path] = pair as unknown[];
    // A program names the null object where a child has gone.
    const isKnown = typeof name === "string" && typeof path === "string" && !path.endsWith("/null");
    return isKnown ? [{ name, path }] : [];
  });
}
