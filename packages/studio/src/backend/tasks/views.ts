import { HoldfastError } from "@holdfast/core";
import type { SavedView, TaskListEvents } from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import { requireText } from "../validate.ts";
import { invalid, readFilter, readPaging } from "./input.ts";

export interface ViewsContext {
  readonly kv: {
    get(key: string): Promise<string | null>;
    put(key: string, value: string): Promise<void>;
  };
  readonly conn: { readonly state: { readonly person: string } };
  readonly conns: ReadonlyMap<
    string,
    {
      readonly state: { readonly person: string };
      readonly send: (name: "viewsChanged", event: TaskListEvents["viewsChanged"]) => void;
    }
  >;
}

interface ViewsRow {
  readonly version: 1;
  readonly views: readonly SavedView[];
}

/** The actions of the organization about the views of the list that a person has saved. */
export const savedViewActions = {
  listViews: (c: ViewsContext): Promise<readonly SavedView[]> => readViews(c),

  async saveView(c: ViewsContext, given: SavedView): Promise<void> {
    const view = readView(given);
    const views = await readViews(c);
    const isKnown = views.some(({ id }) => id === view.id);
    if (!isKnown && views.length >= studioLimits.maxSavedViews) {
      const message = `${studioLimits.maxSavedViews} views are saved. Delete one first.`;
      throw new HoldfastError("task", "too_many_views", message, { statusCode: 409 });
    }
    await writeViews(
      c,
      isKnown ? views.map((each) => (each.id === view.id ? view : each)) : [...views, view],
    );
  },

  async deleteView(c: ViewsContext, id: string): Promise<void> {
    requireText(id, "id", 100);
    const views = await readViews(c);
    const rest = views.filter((each) => each.id !== id);
    if (rest.length < views.length) await writeViews(c, rest);
  },
};

const keyOf = ({ conn }: ViewsContext) => `views/${conn.state.person}`;

async function readViews(c: ViewsContext): Promise<readonly SavedView[]> {
  const row = await c.kv.get(keyOf(c));
  return row === null ? [] : (JSON.parse(row) as ViewsRow).views;
}

/** Stores the views of the person who asks, and tells their other connections. */
async function writeViews(c: ViewsContext, views: readonly SavedView[]): Promise<void> {
  const row: ViewsRow = { version: 1, views };
  await c.kv.put(keyOf(c), JSON.stringify(row));
  for (const conn of c.conns.values())
    if (conn.state.person === c.conn.state.person) conn.send("viewsChanged", { views });
}

/** Throws `task.invalid_input`. */
function readView(given: unknown): SavedView {
  if (typeof given !== "object" || given === null) throw invalid("The view must be an object");
  const { id, name, kind, filter, group } = given as Partial<Record<keyof SavedView, unknown>>;
  requireText(id, "id", 100);
  requireText(typeof name === "string" ? name.trim() : name, "name", studioLimits.maxViewNameCharacters);
  if (kind !== "list" && kind !== "board") throw invalid('`kind` must be "list" or "board"');
  const { group: grouping } = readPaging({ group: group as never });
  const view: SavedView = {
    ...{ id, name: (name as string).trim(), kind, filter: readFilter(filter) },
    ...(grouping === undefined ? {} : { group: grouping }),
  };
  if (JSON.stringify(view).length > studioLimits.maxViewBytes)
    throw invalid(`A view has at most ${studioLimits.maxViewBytes} bytes`);
  return view;
}
