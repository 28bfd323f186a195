/**
 * The dashboard of Holdfast for Grafana: lays out the rows of `rows.ts`. `node deploy/grafana/dashboard.ts` writes it to
 * `holdfast.json`, the file that Grafana imports; `biome format --write deploy/grafana` formats it.
 */
import { writeFileSync } from "node:fs";
import type { Panel, Row } from "./panels.ts";
import { rows } from "./rows.ts";

const datasource = { type: "prometheus", uid: "$datasource" };
/** The grid of Grafana has 24 columns. */
const columns = 24;
const graph = { width: 12, height: 8 };
const stat = { width: 6, height: 4 };

function panelOf(panel: Panel, id: number, x: number, y: number): object {
  const { width, height } = panel.stat === true ? stat : graph;
  return {
    id,
    type: panel.stat === true ? "stat" : "timeseries",
    title: panel.title,
    ...(panel.description === undefined ? {} : { description: panel.description }),
    datasource,
    gridPos: { x, y, w: width, h: height },
    fieldConfig: { defaults: { unit: panel.unit, min: panel.unit === "s" ? undefined : 0 }, overrides: [] },
    options:
      panel.stat === true
        ? { reduceOptions: { calcs: ["lastNotNull"] }, graphMode: "area" }
        : { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi", sort: "desc" } },
    targets: panel.queries.map(([expr, legendFormat], at) => ({
      refId: String.fromCharCode(65 + at),
      datasource,
      expr,
      legendFormat,
    })),
  };
}

/** Panels from left to right, in lines; a closed row holds its panels, an open one comes before them. */
function panelsOf(all: readonly Row[]): readonly object[] {
  const panels: object[] = [];
  let id = 1;
  let y = 0;
  for (const row of all) {
    const head = { id: id++, type: "row", title: row.title, gridPos: { x: 0, y: y++, w: columns, h: 1 } };
    let x = 0;
    let height = 0;
    const own = row.panels.map((panel) => {
      const size = panel.stat === true ? stat : graph;
      if (x + size.width > columns) {
        x = 0;
        y += height;
      }
      const placed = panelOf(panel, id++, x, y);
      x += size.width;
      height = size.height;
      return placed;
    });
    const isClosed = row.collapsed === true;
    panels.push({ ...head, collapsed: isClosed, panels: isClosed ? own : [] }, ...(isClosed ? [] : own));
    y += height;
  }
  return panels;
}

/** A variable whose values are those of a label. */
function labelVariable(name: string, label: string, metric: string): object {
  const query = `label_values(${metric}, ${name === "node" ? "instance" : name})`;
  return {
    name,
    label,
    type: "query",
    datasource,
    query: { query, refId: name },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    current: { text: ["All"], value: ["$__all"] },
  };
}

/** The dashboard as Grafana imports it. */
export function dashboard(): string {
  const board = {
    uid: "holdfast",
    title: "Holdfast",
    description: "Calls, actors, commits and the cluster, from /metrics of each node.",
    tags: ["holdfast"],
    schemaVersion: 39,
    editable: true,
    refresh: "30s",
    time: { from: "now-1h", to: "now" },
    templating: {
      list: [
        { name: "datasource", label: "Data source", type: "datasource", query: "prometheus" },
        labelVariable("node", "Node", "holdfast_commits_total"),
        labelVariable("actor", "Actor", "holdfast_actors_active"),
      ],
    },
    panels: panelsOf(rows),
  };
  return `${JSON.stringify(board, null, 2)}\n`;
}

if (import.meta.main) writeFileSync(new URL("holdfast.json", import.meta.url), dashboard());
