/** `holdfast views`: ways to look at the list of tasks that the owner has saved. */
import { randomUUID } from "node:crypto";
import { harmless, jsonLine } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import type { SavedView, StudioClient } from "@holdfast/studio";
import { commandOfVerbs } from "../verbs/command.ts";
import { verb } from "../verbs/verb.ts";
import { filterOf, filterOptions, groupOf, groupOption } from "./filter-options.ts";
import { findOwners } from "./owners/find-owners.ts";

export const viewsCommand = commandOfVerbs({
  name: "views",
  default: "list",
  intro: "Views of the list of tasks. They are yours, and the web app shows them too.",
  verbs: {
    list: verb({
      description: "lists saved views; tasks list --view NAME uses one",
      async run({ client, json }) {
        const views = await client.organization.listViews();
        for (const view of views) console.log(json ? jsonLine(view) : textOf(view));
        if (views.length === 0 && !json)
          console.log("No view is saved. Save one: holdfast views save NAME --status waiting");
      },
    }),
    save: verb({
      arguments: "NAME",
      description: "saves a view, or replaces the one with this name",
      options: {
        ...filterOptions,
        ...groupOption,
        board: { type: "boolean", description: "shown as a board in the web app" },
      },
      check: (_args, values) => {
        filterOf(values);
        groupOf(values.group);
      },
      async run({ client, args: [name = ""], values, print }) {
        const before = (await client.organization.listViews()).find((each) => each.name === name);
        const owners = await findOwners(client, values.owner, values.archived === true);
        const view: SavedView = {
          ...{ id: before?.id ?? randomUUID(), name, kind: values.board === true ? "board" : "list" },
          ...{ filter: { ...filterOf(values), ...owners }, ...groupOf(values.group) },
        };
        await client.organization.saveView(view);
        print(view, `Saved the view ${harmless(name)}.`);
      },
    }),
    delete: verb({
      arguments: "NAME",
      description: "deletes a view, by its name or its id",
      async run({ client, args: [name = ""], print }) {
        const { id } = await findView(client, name);
        await client.organization.deleteView(id);
        print({ id, deleted: true }, `Deleted the view ${harmless(name)}.`);
      },
    }),
  },
});

/** A view by its name or its id. Throws `task.view_not_found`. */
export async function findView(client: StudioClient, name: string): Promise<SavedView> {
  const views = await client.organization.listViews();
  const found = views.find((each) => each.name === name || each.id === name);
  if (found !== undefined) return found;
  const message = `No view is saved under the name "${name}". List them with: holdfast views`;
  throw new HoldfastError("task", "view_not_found", message, { statusCode: 404 });
}

function textOf({ name, kind, filter, group }: SavedView): string {
  const chosen = Object.entries(filter).filter(([, value]) => value !== false);
  const parts = chosen.map(([key, value]) => (value === true ? key : `${key}: ${String(value)}`));
  const grouped = group === undefined ? [] : [`by ${group}`];
  return `${harmless(name).padEnd(24)}  ${kind.padEnd(5)}  ${harmless([...grouped, ...parts].join("; "))}`;
}
