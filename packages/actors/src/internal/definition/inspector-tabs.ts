import { invalidDefinition, isRecord } from "./definition-checks.ts";

/** An inspector tab that a definition adds, or a built-in one that it hides. */
export type InspectorTab =
  | {
      readonly type: "custom";
      readonly id: string;
      readonly label: string;
      /** A directory that contains an index.html. */
      readonly source: string;
      readonly icon?: string;
    }
  | { readonly type: "hidden"; readonly id: string };

const builtIn = new Set(["workflow", "database", "state", "queue", "schedules", "connections", "console"]);

/** Parses `inspector` of a definition. */
export function parseInspectorTabs(inspector: Readonly<Record<string, unknown>>): readonly InspectorTab[] {
  for (const key of Object.keys(inspector)) {
    if (key !== "tabs") throw invalidDefinition(`"${key}" is not a key of "inspector"`);
  }
  const tabs = inspector.tabs ?? [];
  if (!Array.isArray(tabs)) throw invalidDefinition('"inspector.tabs" is not a list');
  const ids = new Set<string>();
  return tabs.map((tab: unknown, index) => {
    const parsed = parseTab(tab, `inspector.tabs[${index}]`);
    if (ids.has(parsed.id)) throw invalidDefinition(`two inspector tabs have the id "${parsed.id}"`);
    ids.add(parsed.id);
    return parsed;
  });
}

function parseTab(tab: unknown, at: string): InspectorTab {
  if (!isRecord(tab)) throw invalidDefinition(`"${at}" is not an object`);
  const { id, label, source, icon, hidden } = tab;
  if (typeof id !== "string" || !/^[A-Za-z0-9_-]+$/.test(id)) {
    throw invalidDefinition(`"${at}.id" may contain only letters, digits, "_" and "-"`);
  }
  if (builtIn.has(id)) {
    if (hidden !== true)
      throw invalidDefinition(`"${at}": the tab "${id}" is built in and can only be hidden`);
    return { type: "hidden", id };
  }
  if (hidden !== undefined) throw invalidDefinition(`"${at}": there is no built-in tab "${id}" to hide`);
  if (typeof label !== "string" || label === "") throw invalidDefinition(`"${at}.label" is missing`);
  if (typeof source !== "string" || source === "") throw invalidDefinition(`"${at}.source" is missing`);
  if (icon !== undefined && typeof icon !== "string") throw invalidDefinition(`"${at}.icon" is not a string`);
  return { type: "custom", id, label, source, ...(icon === undefined ? {} : { icon }) };
}
