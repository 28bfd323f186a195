import { type PlaybookRule, packageFile, playbookFile, styleTool } from "./playbook.ts";

const duration = `/** A duration in words, such as "6 h 12 min". */
export function formatDuration(minutes: number): string {
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  if (hours === 0) return \`\${rest} min\`;
  return rest === 0 ? \`\${hours} h\` : \`\${hours} h \${rest} min\`;
}
`;

/** The first attempt of the demo agent: its tests pass, and a review finds what they lack. */
const durationInDays = `/** A duration in words, such as "2 d 6 h 12 min". */
export function formatDuration(minutes: number): string {
  if (minutes === 0) return "0 min";
  const days = Math.floor(minutes / 1440);
  const hours = Math.floor(minutes / 60) % 24;
  return [part(days, "d"), part(hours, "h"), part(minutes % 60, "min")].join(" ").trim();
}

export function part(count: number, unit: string): string {
  return count === 0 ? "" : \`\${count} \${unit}\`;
}
`;

const durationReviewed = `/** A duration in words, such as "2 d 6 h 12 min". Parts that are zero are left out. */
export function formatDuration(minutes: number): string {
  const days = Math.floor(minutes / 1440);
  const hours = Math.floor(minutes / 60) % 24;
  const parts = [part(days, "d"), part(hours, "h"), part(minutes % 60, "min")];
  return parts.filter((text) => text !== "").join(" ") || "0 min";
}

function part(count: number, unit: string): string {
  return count === 0 ? "" : \`\${count} \${unit}\`;
}
`;

const durationTest = `import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDuration } from "../src/duration.ts";

test("shows hours and minutes", () => {
  assert.equal(formatDuration(372), "6 h 12 min");
  assert.equal(formatDuration(120), "2 h");
  assert.equal(formatDuration(0), "0 min");
});
`;

const daysTest = `
test("shows days", () => {
  assert.equal(formatDuration(1500), "1 d 1 h");
});
`;

const fiveMinutesTest = `
test("leaves out what is zero", () => {
  assert.equal(formatDuration(1445), "1 d 5 min");
});
`;

const height = `/** A height above the chart's zero, in metres. */
export function formatHeight(metres: number): string {
  return \`\${metres} m\`;
}
`;

const heightTest = `import assert from "node:assert/strict";
import { test } from "node:test";
import { formatHeight } from "../src/height.ts";

test("names the unit", () => {
  assert.equal(formatHeight(3), "3 m");
});
`;

/** Pull request whose check fails: it cuts instead of rounding. */
const heightCut = `/** A height above the chart's zero, in metres, to a decimetre. */
export function formatHeight(metres: number): string {
  return \`\${Math.floor(metres * 10) / 10} m\`;
}
`;

const roundTest = `
test("rounds to a decimetre", () => {
  assert.equal(formatHeight(3.14), "3.1 m");
  assert.equal(formatHeight(3.18), "3.2 m");
});
`;

/** Pull request with comments of a review. */
const next = `import { formatDuration } from "./duration.ts";

export interface Tide {
  readonly kind: "high" | "low";
  /** Minutes since midnight. */
  readonly at: number;
}

/** The first tide after a time of the day. */
export function nextTide(tides: readonly Tide[], now: number): Tide | undefined {
  return tides.find(({ at }) => at > now);
}

/** How long it is until the next tide. */
export function describeNext(tides: readonly Tide[], now: number): string {
  const tide = nextTide(tides, now);
  return tide === undefined ? "no tide" : formatDuration(tide.at - now);
}
`;

const nextTest = `import assert from "node:assert/strict";
import { test } from "node:test";
import { describeNext } from "../src/next.ts";

test("says how long it is until the next tide", () => {
  const tides = [{ kind: "high", at: 300 }, { kind: "low", at: 672 }] as const;
  assert.match(describeNext(tides, 600), /1 h 12 min/);
});
`;

const afterLastTest = `
test("says so after the last tide of the day", () => {
  assert.equal(describeNext([{ kind: "high", at: 300 }], 600), "no more tides today");
});
`;

const rules: readonly PlaybookRule[] = [
  {
    when: "address each",
    steps: [
      { think: "Two points: the doc comment, and the day with a few minutes." },
      { read: "src/duration.ts" },
      { say: "Parts that are zero leave two spaces behind, and the helper need not be exported. " },
      { edit: "src/duration.ts", old: durationInDays, new: durationReviewed },
      { edit: "test/duration.test.ts", old: daysTest, new: `${daysTest}${fiveMinutesTest}` },
      { run: "node --test && node tools/style.ts" },
      { say: "Both checks pass now. " },
    ],
  },
  {
    when: "height|round|decimetre|failing",
    steps: [
      { think: "Let me see which test fails." },
      { run: "node --test" },
      { read: "src/height.ts" },
      { say: "It cuts the height instead of rounding it, so 3.18 m becomes 3.1 m. " },
      { edit: "src/height.ts", old: "Math.floor(metres * 10)", new: "Math.round(metres * 10)" },
      { run: "node --test" },
      { say: "All tests pass now. " },
    ],
  },
  {
    when: "next|address",
    steps: [
      { read: "src/next.ts" },
      { say: "The text does not say which tide comes, and “no tide” is wrong in the evening. " },
      {
        edit: "src/next.ts",
        old: '  return tide === undefined ? "no tide" : formatDuration(tide.at - now);',
        new: `  if (tide === undefined) return "no more tides today";
  return \`\${tide.kind} water in \${formatDuration(tide.at - now)}\`;`,
      },
      { edit: "test/next.test.ts", old: nextTest, new: `${nextTest}${afterLastTest}` },
      { run: "node --test && node tools/style.ts" },
      { say: "Both comments are addressed, with a test. " },
    ],
  },
  {
    when: "day|duration",
    steps: [
      { think: "Durations are made in src/duration.ts. Let me read it and its test." },
      { read: "src/duration.ts" },
      { read: "test/duration.test.ts" },
      { say: "Hours go up to any number today. I will count days, and leave out what is zero. " },
      { edit: "src/duration.ts", old: duration, new: durationInDays },
      { edit: "test/duration.test.ts", old: durationTest, new: `${durationTest}${daysTest}` },
      { run: "node --test" },
      { say: "Durations of a day and more are shown in days, with a test. " },
    ],
  },
];

export const tides = {
  name: "harbor/tides",
  files: {
    "README.md": `# Tides

Formats what a tide table says: \`formatDuration(372)\` is \`6 h 12 min\`.

Run the tests with \`npm test\` and the style check with \`npm run style\`. Node 24 runs the TypeScript as it is.
`,
    "package.json": packageFile("tides"),
    ".gitignore": "node_modules/\n.cache/\n",
    ".holdfast/environment.yaml": `# What a task needs before it starts.
setup:
  - name: check the tools
    run: node --version && mkdir -p .cache && date > .cache/prepared
inputs: [package.json]
env:
  TZ: UTC
checks:
  - name: test
    run: node --test
  - name: style
    run: node tools/style.ts
`,
    ".holdfast/demo-agent.json": playbookFile(rules),
    "src/duration.ts": duration,
    "src/height.ts": height,
    "test/duration.test.ts": durationTest,
    "test/height.test.ts": heightTest,
    "tools/style.ts": styleTool,
  },
  pulls: [
    {
      branch: "round-heights",
      title: "Round heights to a decimetre",
      body: "Gauges give two digits, which nobody can read off a pier.",
      author: "grace",
      files: { "src/height.ts": heightCut, "test/height.test.ts": `${heightTest}${roundTest}` },
      comments: [],
    },
    {
      branch: "next-tide",
      title: "Say when the next tide comes",
      body: "For the first line of the page.",
      author: "ada",
      files: { "src/next.ts": next, "test/next.test.ts": nextTest },
      comments: [
        {
          ...{ author: "grace", path: "src/next.ts", line: 17 },
          body: "Please say whether it is high or low water. That is what people ask for.",
        },
        {
          ...{ author: "grace", path: "src/next.ts", line: 17 },
          body: "“No tide” sounds like a broken sea. What about “no more tides today”?",
        },
      ],
    },
  ],
} as const;
