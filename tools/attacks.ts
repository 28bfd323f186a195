/**
 * Writes docs/explanation/attacks.md: runs every attack on this machine with every available jail driver (`npm run
 * attacks`).
 */
import { writeFileSync } from "node:fs";
import {
  type AttackGroup,
  type AttackReport,
  type AttackResult,
  type JailDriverName,
  runAttacks,
} from "@holdfast/gate";
import { pluginsDirectory } from "@holdfast/plugins";
import { dockerdMissing, startDockerd } from "@holdfast/testing/dockerd";
import { podmanMissing, startPodman } from "@holdfast/testing/podman";
import { allAttacks } from "../packages/studio/src/attacks/index.ts";

const titles: Readonly<Record<AttackGroup, string>> = {
  network: "Network",
  secrets: "Secrets",
  kernel: "/proc, kernel, namespaces",
  filesystem: "Filesystem",
  resources: "Resources",
  protocol: "Gate protocol",
  desktop: "Desktops",
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

/** Outcomes of the same attacks in jails of other drivers, one line each. */
function matrix(reports: readonly AttackReport[]): string {
  const [first] = reports;
  const words = {
    stopped: "stopped",
    declared: "declared",
    not_stopped: "NOT STOPPED",
    not_tried: "not tried",
  };
  const rows = (first?.results ?? []).map(({ id }) => {
    const outcomes = reports.map(({ results }) => {
      const found = results.find((each) => each.id === id);
      return found === undefined ? "" : words[found.outcome];
    });
    return `| ${id} | ${outcomes.join(" | ")} |`;
  });
  const declared = reports.flatMap(({ driver, results }) =>
    results
      .filter((each) => each.outcome === "declared")
      .map((each) => `- ${driver}, ${each.id}: ${each.observed}.`),
  );
  return [
    `| attempt | ${reports.map((each) => each.driver).join(" | ")} |`,
    `| --- |${" --- |".repeat(reports.length)}`,
    ...rows,
    "",
    ...declared,
  ].join("\n");
}

async function runWith(driver: JailDriverName, engineSocket?: string): Promise<AttackReport> {
  console.log(`attacking jails of ${driver}`);
  return runAttacks({
    attacks: allAttacks,
    builtInPlugins: pluginsDirectory,
    jails: { driver, ...(engineSocket === undefined ? {} : { engineSocket }) },
  });
}

const report = await runWith("bubblewrap");
const reports = [report, await runWith("gvisor")];
const engines = [
  { driver: "podman", missing: podmanMissing(), start: startPodman },
  { driver: "docker", missing: dockerdMissing(), start: startDockerd },
] as const;
for (const { driver, missing, start } of engines) {
  if (missing !== undefined) {
    console.log(`${driver}: ${missing}`);
    continue;
  }
  const engine = await start();
  try {
    reports.push(await runWith(driver, engine.socketPath));
  } finally {
    await engine.close();
  }
}
const groups = [...new Set(report.results.map((each) => each.group))];
const sections = groups.map(
  (group) => `## ${titles[group]}\n\n${table(report.results.filter((each) => each.group === group))}\n`,
);
writeFileSync(
  new URL("../docs/explanation/attacks.md", import.meta.url),
  `# Attacks that were tried

Written by \`npm run attacks\` from a run on ${report.platform} with the drivers ${reports.map((each) => each.driver).join(", ")}. Each attempt was
made from inside a real jail, against the gate that ships; the last column is the same attempt where
nothing stands in its way, which shows that it could have worked. \`holdfast doctor --attack\` tries all of
them on your machine, and \`npm test\` does in each run.

What no row can show: namespaces do not stop bugs of the kernel; an allowed host is a way out for data; an
approval does not stop a person who is fooled.

What was observed below is of ${report.driver}; the last section has the same rows for each driver.

${sections.join("\n")}
## Every driver

${matrix(reports)}
`,
);
if (!reports.every((each) => each.ok)) {
  console.error(
    JSON.stringify(
      reports.flatMap(({ results }) =>
        results.filter((each) => each.outcome === "not_stopped" || each.control?.worked === false),
      ),
      undefined,
      2,
    ),
  );
  process.exitCode = 1;
}
