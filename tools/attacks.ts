/** Writes docs/explanation/attacks.md from a run of every attack on this machine: `npm run attacks`. */
import { writeFileSync } from "node:fs";
import { type AttackGroup, type AttackResult, runAttacks } from "@holdfast/gate";

const titles: Readonly<Record<AttackGroup, string>> = {
  network: "Network",
  secrets: "Secrets",
  kernel: "/proc, kernel, namespaces",
  filesystem: "Filesystem",
  resources: "Resources",
  protocol: "Gate protocol",
  web: "Local server and web",
};

const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("\n", " ");

function table(results: readonly AttackResult[]): string {
  const rows = results.map(
    ({ attempt, layer, outcome, observed, control }) =>
      `| ${cell(attempt)} | ${outcome.replace("_", " ")} | ${cell(layer)} | ${cell(observed)} | ${cell(control?.observed ?? "not tried: it would harm the machine")} |`,
  );
  return [
    "| attempt | outcome | stopped by | observed | the same without the layer |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

const report = await runAttacks();
const groups = [...new Set(report.results.map((each) => each.group))];
const sections = groups.map(
  (group) => `## ${titles[group]}\n\n${table(report.results.filter((each) => each.group === group))}\n`,
);
writeFileSync(
  new URL("../docs/explanation/attacks.md", import.meta.url),
  `# Attacks that were tried

Written by \`npm run attacks\` from a run with the ${report.driver} driver on ${report.platform}. Each attempt was
made from inside a real jail, against the gate that ships; the last column is the same attempt where
nothing stands in its way, which shows that it could have worked. \`holdfast doctor --attack\` tries all of
them on your machine, and \`npm test\` does in each run.

What no row can show: namespaces do not stop bugs of the kernel; an allowed host is a way out for data; an
approval does not stop a person who is fooled.

${sections.join("\n")}`,
);
if (!report.ok) {
  console.error(
    JSON.stringify(
      report.results.filter((each) => each.outcome !== "stopped"),
      undefined,
      2,
    ),
  );
  process.exitCode = 1;
}
