import { dataDirectoryOf, didYouMean, harmless, parse, UsageError } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import { actorPathOf, findServer, type ManagementClient } from "./management-client.ts";

export const clusterUsage = `holdfast cluster VERB [options]

  status          the nodes, and how many shards each of them holds
  drain NODE      asks a node to hand over its actors; it goes on to answer, and can be stopped then
  move ACTOR --to PLACE   moves one actor to a node, or to the nodes of a region; --to any undoes that.
                  An ACTOR is NAME/ID or NAME/KEY, as for "holdfast actors"

  --url URL       any node (default: HOLDFAST_ENDPOINT)
  --token TOKEN   the token of its inspector (default: HOLDFAST_INSPECTOR_TOKEN)
  --data DIR      data directory (default: HOLDFAST_DATA or .holdfast), for a server that runs on it
  --json          one JSON value on standard output`;

interface Status {
  readonly node: string;
  readonly shards: number;
  readonly scopes: readonly string[];
  readonly nodes: readonly {
    readonly id: string;
    readonly address: string;
    readonly version: string;
    readonly zone: string;
    readonly region: string;
    readonly pools: readonly string[];
    readonly draining: boolean;
    readonly expiresInMs: number;
    readonly shards: number;
  }[];
}

const options = { url: { type: "string" }, token: { type: "string" }, to: { type: "string" } } as const;
const verbs = ["status", "drain", "move"];

export async function clusterCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, options);
  if (values.help === true) {
    console.log(clusterUsage);
    return 0;
  }
  const [verb, ...rest] = positionals;
  if (verb === undefined) throw new UsageError("A verb is missing");
  if (!verbs.includes(verb)) throw new UsageError(`There is no "cluster ${verb}".${didYouMean(verb, verbs)}`);
  const [subject, unexpected] = rest;
  if (verb === "drain" && subject === undefined) throw new UsageError("The node is missing");
  if (verb === "move" && subject === undefined) throw new UsageError("The actor is missing");
  if (verb === "move" && values.to === undefined)
    throw new UsageError("--to is missing: a node, a region, or any");
  if (verb !== "move" && values.to !== undefined) throw new UsageError("--to is for cluster move");
  const extra = verb === "status" ? subject : unexpected;
  if (extra !== undefined) throw new UsageError(`"${extra}" is one argument too many`);
  const server = { url: values.url, token: values.token, dataDirectory: dataDirectoryOf(values.data) };
  const client = await findServer(server);
  if (client === undefined) throw noServer();
  try {
    const lines = await run(client, verb, subject ?? "", values.to ?? "", values.json === true);
    for (const line of lines) console.log(line);
  } finally {
    await client.close?.();
  }
  return 0;
}

function run(
  client: ManagementClient,
  verb: string,
  subject: string,
  to: string,
  asJson: boolean,
): Promise<readonly string[]> {
  if (verb === "drain") return drain(client, subject);
  return verb === "move" ? move(client, subject, to) : status(client, asJson);
}

async function move(client: ManagementClient, actor: string, to: string): Promise<readonly string[]> {
  const path = actorPathOf(actor);
  if (path === undefined) throw new UsageError(`"${actor}" is not NAME/ID or NAME/KEY`);
  await client.ask("POST", `${path}/move?to=${encodeURIComponent(to)}`);
  return [harmless(to === "any" ? `${actor} runs on any node` : `${actor} runs on ${to}`)];
}

async function status(client: ManagementClient, asJson: boolean): Promise<readonly string[]> {
  const answer = (await client.ask("GET", "/cluster")) as Status;
  if (asJson) return [JSON.stringify(answer)];
  const total = answer.shards * (1 + answer.scopes.length);
  return answer.nodes.map((node) => {
    const state = node.expiresInMs < 0 ? "expired" : node.draining ? "draining" : "serving";
    const share = `${node.shards} of ${total} shards`;
    const zone = node.zone === "" ? [] : [`zone ${node.zone}`];
    const region = node.region === "" ? [] : [`region ${node.region}`];
    const pools = node.pools.length === 0 ? [] : [`pools ${node.pools.join(", ")}`];
    const own = node.id === answer.node ? ["(answers)"] : [];
    const columns = [
      node.id,
      state,
      share,
      node.address,
      `version ${node.version}`,
      ...zone,
      ...region,
      ...pools,
      ...own,
    ];
    return harmless(columns.join("  "));
  });
}

async function drain(client: ManagementClient, node: string): Promise<readonly string[]> {
  await client.ask("POST", `/cluster/drain?node=${encodeURIComponent(node)}`);
  return [harmless(`${node} hands over its actors. See: holdfast cluster status`)];
}

function noServer(): HoldfastError {
  const message = "No server runs on this data directory. Name a node with --url";
  return new HoldfastError("client", "network_error", message);
}
