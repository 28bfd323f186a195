import { formatCompact, formatDuration } from "@holdfast/web-parts/format";
import { useId, useState } from "react";
import type { UsageAmounts, UsageReport } from "../../contract/usage.ts";
import { costText } from "../../usage/cost-text.ts";

interface Measure {
  readonly name: string;
  readonly value: (amounts: UsageAmounts) => number;
  readonly text: (amounts: UsageAmounts) => string;
}

const tokens = ({ inputTokens, outputTokens }: UsageAmounts) => inputTokens + outputTokens;

const measures = {
  cost: { name: "Cost", value: ({ costMicros }) => costMicros, text: costText },
  tokens: { name: "Tokens", value: tokens, text: (amounts) => `${formatCompact(tokens(amounts))} tokens` },
  turns: { name: "Turns", value: ({ turns }) => turns, text: ({ turns }) => `${turns} turns` },
  sandboxes: {
    name: "Sandboxes",
    value: ({ sandboxMs }) => sandboxMs,
    text: ({ sandboxMs }) => formatDuration(sandboxMs),
  },
} as const satisfies Readonly<Record<string, Measure>>;

type MeasureName = keyof typeof measures;

/** One bar a day. The table below has the same numbers. */
export function DayChart({ days }: { readonly days: UsageReport["days"] }) {
  const id = useId();
  const [chosen, setChosen] = useState<MeasureName>();
  // Agents without a metered model still have turns and sandboxes.
  const first = (Object.keys(measures) as MeasureName[]).find((name) =>
    days.some((day) => measures[name].value(day) > 0),
  );
  const measure: Measure = measures[chosen ?? first ?? "cost"];
  const most = days.reduce(
    (best, day) => (measure.value(day) > measure.value(best) ? day : best),
    days[0] ?? none,
  );
  const highest = measure.value(most);
  const label = `${measure.name} of each day from ${days[0]?.day} to ${days.at(-1)?.day}. The most: ${measure.text(most)} on ${most.day}.`;
  return (
    <figure className="usage-chart">
      <figcaption>
        <label htmlFor={id} className="visually-hidden">
          Shown in the chart
        </label>
        <select
          id={id}
          value={chosen ?? first ?? "cost"}
          onChange={({ target }) => setChosen(target.value as MeasureName)}
        >
          {Object.entries(measures).map(([name, each]) => (
            <option key={name} value={name}>
              {each.name} a day
            </option>
          ))}
        </select>
        <span className="muted">{highest === 0 ? "none" : `at most ${measure.text(most)}`}</span>
      </figcaption>
      <div className="usage-bars" role="img" aria-label={label}>
        {days.map((day) => (
          <div key={day.day} className="usage-bar" title={`${day.day}: ${measure.text(day)}`}>
            <span style={{ height: `${highest === 0 ? 0 : (100 * measure.value(day)) / highest}%` }} />
          </div>
        ))}
      </div>
      <div className="usage-axis muted" aria-hidden="true">
        <span>{days[0]?.day}</span>
        <span>{days.at(-1)?.day}</span>
      </div>
    </figure>
  );
}

const none: UsageReport["days"][number] = {
  ...{ day: "", turns: 0, requests: 0, inputTokens: 0, outputTokens: 0, cacheReadTokens: 0 },
  ...{ cacheWriteTokens: 0, costMicros: 0, unpricedRequests: 0, sandboxMs: 0 },
};
