import { HoldfastError } from "@holdfast/core";
import {
  checkPools,
  checkServerless,
  parsePools,
  type ServerlessOptions,
  type ServerlessPoolOptions,
} from "../serverless/options.ts";
import type { NatsOptions } from "../wakeups/nats-options.ts";
import type { ClusterOptions } from "./options.ts";

type Given = Partial<ClusterOptions> | undefined;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Options of the node, with those of the environment, which belongs to the operator and overrides the program.
 * Undefined on a single node. Throws `gateway.invalid_config`.
 */
export function clusterOptions(
  given: Given,
  environment: Environment = process.env,
): ClusterOptions | undefined {
  const variable = (name: string): string | undefined => environment[name] || undefined;
  if (given !== undefined && (typeof given !== "object" || given === null)) throw notAnObject();
  const { advertise, serverless } = reachOf(given, variable);
  const secret = variable("HOLDFAST_CLUSTER_SECRET") ?? given?.secret;
  const serve = variable("HOLDFAST_SERVE");
  const node = variable("HOLDFAST_NODE");
  const zone = variable("HOLDFAST_ZONE");
  const listen = variable("HOLDFAST_LISTEN");
  const nats = variable("HOLDFAST_NATS");
  const weight = weightOf(variable("HOLDFAST_WEIGHT"), given?.weight);
  const region = variable("HOLDFAST_REGION");
  const pools = variable("HOLDFAST_POOLS");
  const serverlessPools = poolsOf(given, variable("HOLDFAST_SERVERLESS_POOLS"));
  if (advertise === undefined && serverless === undefined && given === undefined) return undefined;
  if (advertise === undefined && serverless === undefined) throw missing("advertise", "HOLDFAST_ADVERTISE");
  if (secret === undefined) throw missing("secret", "HOLDFAST_CLUSTER_SECRET");
  const tls = tlsFiles(given, variable);
  const { advertise: _, serverless: __, ...others } = given ?? {};
  return {
    ...others,
    secret,
    ...(advertise === undefined ? {} : { advertise }),
    ...(serverless === undefined ? {} : { serverless }),
    ...(serverlessPools === undefined ? {} : { serverlessPools }),
    ...(tls === undefined ? {} : { tls }),
    ...(region === undefined ? {} : { region }),
    ...(pools === undefined ? {} : { pools: pools.split(",").map((name) => name.trim()) }),
    ...(serve === undefined ? {} : { serve: serve.split(",").map((name) => name.trim()) }),
    ...(node === undefined ? {} : { node }),
    ...(zone === undefined ? {} : { zone }),
    ...(weight === undefined ? {} : { weight }),
    ...(listen === undefined ? {} : { listen }),
    ...(nats === undefined ? {} : { nats: withUrl(given?.nats, nats) }),
  };
}

/** The program's other options of NATS, such as its certificates, hold for the operator's servers. */
function withUrl(given: ClusterOptions["nats"] | undefined, url: string): string | NatsOptions {
  return typeof given === "object" ? { ...given, url } : url;
}

/** How other nodes reach this one: at an address, or over the connections that it opens. */
function reachOf(
  given: Given,
  variable: (name: string) => string | undefined,
): { readonly advertise?: string | undefined; readonly serverless?: ServerlessOptions | undefined } {
  const { advertise, serverless: option = false } = given ?? {};
  const serverless = typeof option === "object" ? option : {};
  checkServerless(serverless);
  const [address, flag] = [variable("HOLDFAST_ADVERTISE"), variable("HOLDFAST_SERVERLESS")];
  const isAsked = flag === undefined ? undefined : isTrue(flag);
  // The environment tells the processes of one program apart.
  if (isAsked === true && address !== undefined) throw reachableAndServerless();
  if (isAsked === true) return { serverless };
  if (address !== undefined || isAsked === false) return { advertise: address ?? advertise };
  if (option !== false && advertise !== undefined) throw reachableAndServerless();
  return option === false ? { advertise } : { serverless };
}

function isTrue(text: string): boolean {
  if (text === "1" || text === "true") return true;
  if (text === "0" || text === "false") return false;
  const message = "HOLDFAST_SERVERLESS is not 1 or 0. Set it to 1 in a process behind scale-to-zero HTTP.";
  throw new HoldfastError("gateway", "invalid_config", message, { statusCode: 400 });
}

function poolsOf(given: Given, text: string | undefined): readonly ServerlessPoolOptions[] | undefined {
  const pools = text === undefined ? given?.serverlessPools : parsePools(text);
  if (pools !== undefined) checkPools(pools);
  return pools;
}

function weightOf(text: string | undefined, given: number | undefined): number | undefined {
  const weight = text === undefined ? given : Number(text);
  if (weight === undefined || (Number.isFinite(weight) && weight >= 0)) return weight;
  const message = `The weight of a node is ${text ?? given}. Set "cluster.weight" or HOLDFAST_WEIGHT to a number from 0.`;
  throw new HoldfastError("gateway", "invalid_config", message, { statusCode: 400 });
}

/** Files of certificates: all three, or none. */
function tlsFiles(given: Given, variable: (name: string) => string | undefined): ClusterOptions["tls"] {
  const cert = variable("HOLDFAST_CLUSTER_TLS_CERT") ?? given?.tls?.cert;
  const key = variable("HOLDFAST_CLUSTER_TLS_KEY") ?? given?.tls?.key;
  const ca = variable("HOLDFAST_CLUSTER_TLS_CA") ?? given?.tls?.ca;
  if (cert === undefined && key === undefined && ca === undefined) return undefined;
  if (cert === undefined) throw missing("tls.cert", "HOLDFAST_CLUSTER_TLS_CERT");
  if (key === undefined) throw missing("tls.key", "HOLDFAST_CLUSTER_TLS_KEY");
  if (ca === undefined) throw missing("tls.ca", "HOLDFAST_CLUSTER_TLS_CA");
  return { cert, key, ca };
}

function reachableAndServerless(): HoldfastError {
  const message =
    'A node has an address ("cluster.advertise" or HOLDFAST_ADVERTISE), or it is serverless ("cluster.serverless" or HOLDFAST_SERVERLESS). Leave one of them out.';
  return new HoldfastError("gateway", "invalid_config", message, { statusCode: 400 });
}

function missing(option: string, name: string): HoldfastError {
  const message = `A node of a cluster needs "cluster.${option}". Set it in the options of setup, or as ${name}.`;
  return new HoldfastError("gateway", "invalid_config", message, { statusCode: 400 });
}

function notAnObject(): HoldfastError {
  const message = 'The option "cluster" of setup is an object: { advertise, secret }.';
  return new HoldfastError("gateway", "invalid_config", message, { statusCode: 400 });
}
