/** What a row of the dashboard consists of, and the expressions that its panels share. */

/** An expression, and the name of its series in the legend. */
export type Query = readonly [expr: string, legend: string];

export interface Panel {
  readonly title: string;
  readonly description?: string;
  /** A unit of Grafana: `ops` is operations per second, `s` seconds, `short` a plain number. */
  readonly unit: string;
  /** One large number in place of a graph. */
  readonly stat?: true;
  readonly queries: readonly Query[];
}

export interface Row {
  readonly title: string;
  /** A row that only some deployments fill is closed at first. */
  readonly collapsed?: true;
  readonly panels: readonly Panel[];
}

/** Selects the nodes that the reader of the dashboard has chosen. */
export const node = 'instance=~"$node"';
/** The same for series of actors. */
export const byActor = `${node},actor=~"$actor"`;

export const perSecond = (series: string): string => `rate(${series}[$__rate_interval])`;

/** The quantile of a histogram; `by` are labels to keep apart. */
export const quantile = (q: number, histogram: string, labels: string, by: readonly string[] = []): string =>
  `histogram_quantile(${q}, sum by (${["le", ...by].join(", ")}) (${perSecond(`${histogram}_bucket{${labels}}`)}))`;

export const quantiles = (histogram: string, labels: string): readonly Query[] => [
  [quantile(0.5, histogram, labels), "p50"],
  [quantile(0.95, histogram, labels), "p95"],
  [quantile(0.99, histogram, labels), "p99"],
];

/** The actors of the Studio that do its work. */
export const studio = `${node},actor=~"task|session|group"`;
