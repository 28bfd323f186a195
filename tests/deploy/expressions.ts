/** Expressions of Prometheus in the dashboard and the alerts, and the series of real servers to compare them with. */
import { parser } from "@prometheus-io/lezer-promql";

/** The labels of each metric, with the values that were seen. */
export type Series = Map<string, Map<string, Set<string>>>;

/** Adds the series of an answer of `/metrics`. */
export function addSeries(series: Series, text: string): void {
  for (const line of text.split("\n")) {
    const match = /^(\w+)(?:\{(.*)\})? \S+$/.exec(line);
    if (match === null) continue;
    const labels = series.get(match[1] ?? "") ?? new Map<string, Set<string>>();
    series.set(match[1] ?? "", labels);
    for (const [, name = "", value = ""] of (match[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      labels.set(name, (labels.get(name) ?? new Set()).add(value));
    }
  }
}

/** Labels that the scraper adds to each series. */
const ofScraper: ReadonlySet<string> = new Set(["instance", "job"]);
/** Labels whose values are the same in each deployment. */
const fixed: ReadonlySet<string> = new Set(["result", "reason", "state", "direction"]);

/** What is wrong with an expression: its grammar, a metric, a label or a value that no server has. */
export function problemsOf(expression: string, legend: string, series: Series): readonly string[] {
  const text = expression.replaceAll("$__rate_interval", "5m");
  const problems: string[] = [];
  const used: string[] = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = ""]) => label);
  const metrics: string[] = [];
  let isGrouping = false;
  let label = "";
  let operator = "";
  parser.parse(text).iterate({
    enter: ({ name, type, from, to }) => {
      const part = text.slice(from, to);
      if (type.isError) problems.push(`is not an expression at "${text.slice(from)}"`);
      else if (name === "VectorSelector") isGrouping = false;
      else if (name === "GroupingLabels") isGrouping = true;
      else if (name === "Identifier") metrics.push(part);
      else if (name === "LabelName" && isGrouping) used.push(part);
      else if (name === "LabelName") label = part;
      else if (name === "MatchOp") operator = part;
      else if (name === "StringLiteral") {
        const labels = series.get(metrics.at(-1) ?? "");
        const isKnown = operator !== "=" || !fixed.has(label) || labels?.get(label)?.has(part.slice(1, -1));
        if (!ofScraper.has(label) && labels?.has(label) === false)
          problems.push(`${metrics.at(-1)} has no ${label}`);
        else if (isKnown !== true) problems.push(`no ${label} of ${metrics.at(-1)} is ${part}`);
      }
    },
    leave: ({ name }) => {
      if (name === "GroupingLabels") isGrouping = false;
    },
  });
  if (metrics.length === 0) problems.push("names no metric");
  for (const metric of metrics) if (!series.has(metric)) problems.push(`no server has ${metric}`);
  for (const each of used) {
    if (ofScraper.has(each) || metrics.some((metric) => series.get(metric)?.has(each))) continue;
    problems.push(`no series has ${each}`);
  }
  return problems.map((problem) => `${expression}: ${problem}`);
}
