import { type NodeSession, placeMark } from "@holdfast/actors";

/** Where an actor may run: on nodes of a region and a pool, or on one run of a node while that lives. */
export interface Place {
  readonly region?: string | undefined;
  readonly pool?: string | undefined;
  readonly node?: NodeSession | undefined;
}

/** The default pool is every node. */
export const defaultPool = "default";

/** The text that stores keep; undefined for an actor that may run everywhere. */
export function placeText({ region, pool, node }: Place): string | undefined {
  const text = new URLSearchParams();
  if (region !== undefined && region !== "") text.set("region", region);
  if (pool !== undefined && pool !== "" && pool !== defaultPool) text.set("pool", pool);
  if (node !== undefined) {
    text.set("node", node.id);
    text.set("incarnation", node.incarnation);
  }
  return text.size === 0 ? undefined : text.toString();
}

/** Cache of parsed places: many actors share few of them. */
const parsed = new Map<string, Place>();
const maxParsed = 1_000;

export function parsePlace(text: string): Place {
  let place = parsed.get(text);
  if (place === undefined) {
    const fields = new URLSearchParams(text);
    const id = fields.get("node");
    place = {
      region: fields.get("region") ?? undefined,
      pool: fields.get("pool") ?? undefined,
      node: id === null ? undefined : { id, incarnation: fields.get("incarnation") ?? "" },
    };
    if (parsed.size >= maxParsed) parsed.clear();
    parsed.set(text, place);
  }
  return place;
}

/**
 * The scope of the actors of a definition that are bound to a region or a pool. Without both it only says that some
 * of its actors have a place.
 */
export function placeScope(name: string, { region = "", pool = "" }: Place): string {
  return [name, region, pool].join(placeMark);
}

export interface ScopeParts {
  readonly name: string;
  readonly region: string;
  readonly pool: string;
}

/** The parts of a scope of placed actors; undefined for any other scope. */
export function scopeParts(scope: string): ScopeParts | undefined {
  const [name = "", region, pool = ""] = scope.split(placeMark);
  return region === undefined ? undefined : { name, region, pool };
}

/** A place in words: `in region "eu" and pool "gpu"`. */
export function inWords({ region, pool }: Place): string {
  const parts = [
    ...(region === undefined ? [] : [`region "${region}"`]),
    ...(pool === undefined ? [] : [`pool "${pool}"`]),
  ];
  return parts.length === 0 ? "" : ` in ${parts.join(" and ")}`;
}
