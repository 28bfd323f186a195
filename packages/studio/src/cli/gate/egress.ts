import { join } from "node:path";
import { dataDirectoryOf, jsonLine, noArguments, parse, UsageError, verbOf } from "@holdfast/cli";
import { type EgressUpstream, explainEgress, loadEgressConfig, readBudgetStatus } from "@holdfast/gate";
import { gateNodeOf, vaultOf } from "./gate-of.ts";

export const egressUsage = `holdfast egress explain METHOD URL | status

  explain METHOD URL   shows whether a request of a jail would be allowed, and why. URL is a path as a
                       jail sends it (/anthropic/v1/messages), or the actual address. Nothing is sent.
                       Exit code 1 if the request would be refused
  status               shows the use of each budget in ${join("DATA", "egress.json")}
  --data DIR           data directory (default: HOLDFAST_DATA or .holdfast)
  --json               machine-readable output

Both work beside a running server.`;

export async function egressCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {});
  const [verb, ...rest] = positionals;
  if (values.help === true) {
    console.log(egressUsage);
    return 0;
  }
  const dataDirectory = dataDirectoryOf(values.data);
  switch (verbOf("egress", ["explain", "status"], verb)) {
    case "explain":
      return explain(dataDirectory, rest, values.json === true);
    case "status":
      noArguments(rest);
      return status(dataDirectory, values.json === true);
  }
}

async function explain(dataDirectory: string, rest: readonly string[], json: boolean): Promise<number> {
  const [method, url, ...more] = rest;
  if (method === undefined || url === undefined || more.length > 0) {
    throw new UsageError("Give a method and a URL, for example: egress explain POST /anthropic/v1/messages");
  }
  const vault = vaultOf(dataDirectory);
  const upstreams: EgressUpstream[] = [];
  for (const { provider, available } of await vault.status()) {
    if (available) upstreams.push(await vault.upstream(provider));
  }
  const { intercept = false, hosts = [] } = await loadEgressConfig(dataDirectory);
  const verdict = explainEgress({ upstreams, hosts, intercept }, method.toUpperCase(), url);
  if (json) {
    console.log(jsonLine(verdict));
  } else {
    console.log(`${verdict.decision}  ${verdict.rule}`);
    console.log(verdict.reason);
    if (verdict.host !== undefined) console.log(`to ${verdict.host}${verdict.path ?? ""}`);
    if (verdict.credential !== undefined) console.log(`credential: ${verdict.credential}`);
    if (verdict.metered === true) console.log("model call: budgets apply");
    if (verdict.intercepted === true)
      console.log("inspected by the proxy: each request in the tunnel is checked");
  }
  return verdict.decision === "allow" ? 0 : 1;
}

async function status(dataDirectory: string, json: boolean): Promise<number> {
  const budgets = await (gateNodeOf(dataDirectory)?.budgets() ?? readBudgetStatus(dataDirectory));
  if (json) {
    for (const each of budgets) console.log(jsonLine(each));
    return 0;
  }
  if (budgets.length === 0) console.log("No budgets are configured, or nothing was used yet.");
  for (const { scope, subject, period, tokens, costMicros, spent } of budgets) {
    const bounds = [
      ...(tokens === undefined ? [] : [`${spent.tokens} of ${tokens} tokens`]),
      ...(costMicros === undefined ? [] : [`$${dollars(spent.costMicros)} of $${dollars(costMicros)}`]),
    ];
    console.log(`${scope.padEnd(13)} ${subject.padEnd(38)} ${period.padEnd(7)} ${bounds.join(", ")}`);
  }
  return 0;
}

const dollars = (micros: number) => (micros / 1e6).toFixed(4);
